package breaker

import (
	"math/bits"
	"sync"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

// circuit is the breaker of one candidate.
type circuit struct {
	cfg *Config

	mu    sync.Mutex
	state State
	epoch int // changes with the state: a call that began in another epoch says nothing of this one
	known int // the epoch of the last reset: a call that began before it says nothing at all

	failures   int    // in a row
	badOutputs int    // in a row
	recent     recent // failures among the last calls

	since   time.Time // when it was last found unwell, having been well
	retryAt time.Time // open: when a probe may pass
	opened  int       // how often it opened since it was last closed
	probing bool      // half open: the probe is in flight
	reason  string    // the outcome that last opened it, or asked for a pause

	coolUntil time.Time // the candidate asked for a pause until then
}

// pass is the permission to make one call.
type pass struct {
	state State
	epoch int
}

// whileProbing is when to ask again while a probe is in flight: it is not known
// how long it takes.
const whileProbing = 2 * time.Second

// enter returns a pass, or for how long there is none and why.
func (c *circuit) enter(now time.Time) (p *pass, retryAfter time.Duration, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire(now)
	if wait := c.coolUntil.Sub(now); wait > 0 {
		return nil, max(wait, c.retryAt.Sub(now)), c.reason
	}
	if c.state == Open {
		if wait := c.retryAt.Sub(now); wait > 0 {
			return nil, wait, c.reason
		}
		c.become(HalfOpen)
	}
	if c.state == HalfOpen {
		if c.probing {
			return nil, whileProbing, c.reason
		}
		c.probing = true
	}
	return &pass{c.state, c.epoch}, 0, ""
}

// leave notes how a call ended, and returns Open or Closed if that is what the
// circuit now became, else "". A success of slow or longer is a failure, if slow
// is not 0.
func (c *circuit) leave(p *pass, a *providers.Attempt, slow time.Duration, now time.Time) (change State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	current := p.epoch == c.epoch
	if current {
		c.probing = false
	}
	if !a.Called || p.epoch < c.known {
		return ""
	}
	effect := effectOf(a, slow)
	if effect > providers.NoEffect && a.RetryAfter > 0 {
		c.leaveAlone(now, now.Add(min(a.RetryAfter, c.cfg.DeadCoolDown)), a)
	}
	if effect == providers.OpensAtOnce {
		return c.open(now, now.Add(c.cfg.DeadCoolDown), a)
	}
	if !current {
		return ""
	}
	switch effect {
	case providers.NoEffect, providers.CoolsDown, providers.OpensAtOnce:
		return ""
	case succeeds:
		return c.success()
	case providers.CountsBadOutput:
		c.badOutputs++
	case providers.CountsFailure:
		c.failures++
		c.recent.add(true, c.cfg.Window)
	}
	if p.state == HalfOpen || c.exceeded() {
		return c.open(now, now.Add(c.coolDown()), a)
	}
	return ""
}

// succeeds is the effect of a success; the table of classes has none.
const succeeds providers.Effect = -1

func effectOf(a *providers.Attempt, slow time.Duration) providers.Effect {
	switch {
	case a.Outcome != tasks.OutcomeSucceeded:
		return providers.Class(a.Outcome).Policy().Breaker
	case slow > 0 && a.Duration >= slow:
		return providers.CountsFailure
	}
	return succeeds
}

func (c *circuit) success() (change State) {
	c.failures, c.badOutputs = 0, 0
	if c.state == Closed {
		c.recent.add(false, c.cfg.Window)
		return ""
	}
	c.opened = 0
	c.become(Closed)
	return Closed
}

// exceeded reports whether there were too many failures. Failures and bad
// answers are counted apart, but a mix of them counts as well.
func (c *circuit) exceeded() bool {
	return c.failures >= c.cfg.Failures || c.badOutputs >= c.cfg.BadOutputs ||
		c.failures+c.badOutputs >= max(c.cfg.Failures, c.cfg.BadOutputs) ||
		c.recent.rate(c.cfg.Window) >= c.cfg.Rate && c.cfg.Rate > 0
}

// coolDown is how long the circuit is to be open.
func (c *circuit) coolDown() time.Duration {
	if c.failures == 0 {
		return c.cfg.BadCoolDown
	}
	d := c.cfg.CoolDown
	for range c.opened {
		d = min(2*d, c.cfg.MaxCoolDown)
	}
	return d
}

// open opens the circuit until then; it returns "" if it was open already.
func (c *circuit) open(now, until time.Time, a *providers.Attempt) (change State) {
	if until.After(c.retryAt) {
		c.retryAt, c.reason = until, a.Outcome
	}
	if c.state == Open {
		return ""
	}
	if c.opened == 0 {
		c.since = now
	}
	c.opened++
	c.become(Open)
	return Open
}

func (c *circuit) leaveAlone(now, until time.Time, a *providers.Attempt) {
	if c.state == Closed && !c.coolUntil.After(now) {
		c.since = now
	}
	if until.After(c.coolUntil) {
		c.coolUntil, c.reason = until, a.Outcome
	}
}

// expire closes a circuit that was not probed for a DeadCoolDown since it could
// be: what was wrong then says nothing of now.
func (c *circuit) expire(now time.Time) {
	if c.state == Closed || c.probing || now.Before(c.retryAt.Add(c.cfg.DeadCoolDown)) {
		return
	}
	c.failures, c.badOutputs, c.opened, c.reason = 0, 0, 0, ""
	c.become(Closed)
}

// reset closes the circuit and ends what its candidate asked for. Calls under
// way say nothing of it any more.
func (c *circuit) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures, c.badOutputs, c.opened = 0, 0, 0
	c.retryAt, c.coolUntil, c.reason = time.Time{}, time.Time{}, ""
	c.become(Closed)
	c.known = c.epoch
}

func (c *circuit) become(s State) {
	c.state, c.probing = s, false
	c.epoch++
	if s == Closed {
		c.recent = recent{}
	}
}

func (c *circuit) status(now time.Time) Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire(now)
	s := Status{State: c.state, Failures: c.failures + c.badOutputs, Reason: c.reason}
	if c.state == Open && !c.retryAt.After(now) {
		s.State = HalfOpen // the next call finds it so
	}
	if c.state == Open && c.retryAt.After(now) {
		s.RetryAt = c.retryAt
	}
	if c.coolUntil.After(now) && c.coolUntil.After(s.RetryAt) {
		s.State, s.RetryAt = Open, c.coolUntil
	}
	if s.State != Closed {
		s.Since = c.since
	}
	return s
}

// maxWindow is how many calls a recent can hold.
const maxWindow = 64

// recent remembers which of the last calls failed. The zero value is ready.
type recent struct {
	failed uint64 // a bit for each call, the last one lowest
	calls  int
}

func (r *recent) add(failed bool, window int) {
	r.failed <<= 1
	if failed {
		r.failed |= 1
	}
	r.calls = min(r.calls+1, window)
}

// rate is the share of failures; 0 until the window is full.
func (r *recent) rate(window int) float64 {
	if r.calls < window {
		return 0
	}
	return float64(bits.OnesCount64(r.failed<<(maxWindow-window))) / float64(window)
}
