// Package breaker keeps calls away from candidates that fail. Each provider and
// model has a circuit of its own:
//
//	         failures in a row, or too many of late
//	closed ──────────────────────────────────────────▶ open
//	  ▲                                               │    ▲
//	  │ the probe succeeds           cool-down is over│    │ the probe fails:
//	  │                                               ▼    │ twice as long
//	  └──────────────────────────────────────────── half open
//
// What a call's end does to its circuit is the Effect in its class's Policy.
// Cancellations and the caller's own faults do nothing.
package breaker

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

// Config says when circuits open and for how long. DefaultConfig has values
// that suit most.
type Config struct {
	Failures   int     // failures in a row that open a circuit
	BadOutputs int     // blank, cut off or invalid answers in a row that open it
	Rate       float64 // the share of failures among the last Window calls that opens it; 0: none does
	Window     int     // calls, at most 64

	// Slow returns the duration from which on a candidate's success counts as a
	// failure; 0, or a nil Slow: none does.
	Slow func(providers.Candidate) time.Duration

	CoolDown    time.Duration // how long a circuit is open the first time; doubled each time its probe fails
	MaxCoolDown time.Duration // but no longer than this
	BadCoolDown time.Duration // how long after bad answers alone
	// DeadCoolDown is how long after a failure that only a person can mend, such
	// as a wrong key; it also bounds how long a pause a server may ask for.
	DeadCoolDown time.Duration

	Exempt []string // providers that are never refused, such as rules in this process
}

// DefaultConfig opens after five failures in a row, or ten among twenty.
func DefaultConfig() Config {
	return Config{
		Failures: 5, BadOutputs: 5, Rate: 0.5, Window: 20,
		CoolDown: 10 * time.Second, MaxCoolDown: 2 * time.Minute,
		BadCoolDown: 5 * time.Second, DeadCoolDown: 10 * time.Minute,
	}
}

// State is the state of a circuit. The values are stable.
type State string

// The states.
const (
	Closed   State = "closed"    // calls pass
	Open     State = "open"      // calls are refused
	HalfOpen State = "half_open" // one call, the probe, passes
)

// Status is the state of a circuit.
type Status struct {
	Provider, Model string
	State           State
	Failures        int       // in a row, bad answers included
	Since           time.Time // when it was found unwell; zero: it is closed
	RetryAt         time.Time // when calls may pass again; zero: now
	Reason          string    // the outcome that opened it last; "" if it never was
}

// Guard is the circuit breakers of all candidates of a process. It implements
// providers.Guard.
type Guard struct {
	cfg Config
	log *slog.Logger

	mu       sync.RWMutex
	circuits map[key]*circuit
}

type key struct{ provider, model string }

var _ providers.Guard = (*Guard)(nil)

// New returns a Guard whose circuits are all closed. It logs to log when one
// opens or closes. Zero durations and counts in cfg are as in DefaultConfig.
func New(cfg Config, log *slog.Logger) *Guard {
	d := DefaultConfig()
	cfg.Failures, cfg.BadOutputs = cmp.Or(cfg.Failures, d.Failures), cmp.Or(cfg.BadOutputs, d.BadOutputs)
	cfg.Window = min(cmp.Or(cfg.Window, d.Window), maxWindow)
	cfg.CoolDown, cfg.MaxCoolDown = cmp.Or(cfg.CoolDown, d.CoolDown), cmp.Or(cfg.MaxCoolDown, d.MaxCoolDown)
	cfg.MaxCoolDown = max(cfg.MaxCoolDown, cfg.CoolDown)
	cfg.BadCoolDown, cfg.DeadCoolDown = cmp.Or(cfg.BadCoolDown, d.BadCoolDown), cmp.Or(cfg.DeadCoolDown, d.DeadCoolDown)
	return &Guard{cfg: cfg, log: log, circuits: map[key]*circuit{}}
}

// Enter lets a call pass, unless its candidate's circuit is open.
func (g *Guard) Enter(ctx context.Context, c *providers.Call) (func(*providers.Attempt), error) {
	provider := c.Candidate.Provider.Name()
	if slices.Contains(g.cfg.Exempt, provider) {
		return func(*providers.Attempt) {}, nil
	}
	circuit := g.circuit(key{provider, c.Candidate.Model})
	pass, retryAfter, reason := circuit.enter(time.Now())
	if pass == nil {
		return nil, &providers.Refusal{
			Reason: tasks.OutcomeBreakerOpen, RetryAfter: retryAfter, Condition: condition(reason),
			Message: fmt.Sprintf("%s is not called for another %s after %s", c.Candidate, providers.Span(max(retryAfter.Round(time.Second), time.Second)), reason),
		}
	}
	var slow time.Duration
	if g.cfg.Slow != nil {
		slow = g.cfg.Slow(c.Candidate)
	}
	return func(a *providers.Attempt) {
		a.Breaker = string(pass.state)
		if change := circuit.leave(pass, a, slow, time.Now()); change != "" {
			g.logChange(ctx, c.Candidate, circuit, change)
		}
	}, nil
}

// condition is the state of a candidate that is not called after such an outcome.
func condition(outcome string) providers.Condition {
	if providers.Class(outcome).Policy().Breaker == providers.OpensAtOnce {
		return providers.Lasting
	}
	if outcome == string(providers.ClassRateLimited) {
		return providers.Busy
	}
	return providers.Failing
}

func (g *Guard) logChange(ctx context.Context, c providers.Candidate, of *circuit, change State) {
	if change == Closed {
		g.log.InfoContext(ctx, "circuit breaker closed", "candidate", c.String())
		return
	}
	s := of.status(time.Now())
	g.log.WarnContext(ctx, "circuit breaker opened", "candidate", c.String(), "reason", s.Reason, "until", s.RetryAt)
}

func (g *Guard) circuit(k key) *circuit {
	g.mu.RLock()
	c, ok := g.circuits[k]
	g.mu.RUnlock()
	if ok {
		return c
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if c, ok = g.circuits[k]; !ok {
		c = &circuit{cfg: &g.cfg, state: Closed}
		g.circuits[k] = c
	}
	return c
}

// States lists the circuits that have seen a call, sorted.
func (g *Guard) States() []Status {
	g.mu.RLock()
	defer g.mu.RUnlock()
	now := time.Now()
	all := make([]Status, 0, len(g.circuits))
	for k, c := range g.circuits {
		s := c.status(now)
		s.Provider, s.Model = k.provider, k.model
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model))
	})
	return all
}

// Reset closes the circuits of all models of a provider, and ends the times for
// which it asked for a pause: somebody has mended what was wrong.
func (g *Guard) Reset(provider string) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	for k, c := range g.circuits {
		if k.provider == provider {
			c.reset()
		}
	}
}
