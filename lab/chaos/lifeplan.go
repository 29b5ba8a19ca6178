//go:build unix

package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/lab/history"
	"github.com/topcentral/spillway/tasks"
)

// behavior is how a client follows its job.
type behavior string

const (
	poll   behavior = "poll"   // asks until it has ended
	follow behavior = "follow" // reads its event stream
	cancel behavior = "cancel" // cancels it after a while
	forget behavior = "forget" // never asks again
)

// lifePlan is what one client means to do.
type lifePlan struct {
	behavior    behavior
	wait        int           // seconds of a long poll; 0: none
	cancelAfter time.Duration // if behavior is cancel
	leaveAfter  int           // leaves the stream after so many events, and comes back; 0: stays
	duplicate   bool          // posts the job to two APIs at once, under one key
	retry       bool          // has it run again if it failed or was canceled
	rereadAfter time.Duration // reads it once more after so long; 0: does not
	agent       string
	complexity  tasks.Complexity
	localOnly   bool
	onExhausted tasks.OnExhausted
	deadline    time.Duration // 0: the agent's own
	callback    bool
}

// planLife draws the nth client's plan.
func planLife(cfg config, n int, can history.Features) lifePlan {
	r := cfg.draw(drawLives, uint64(n)) //nolint:gosec // from 1
	chance := func(p float64) bool { return r.Float64() < p }
	p := lifePlan{
		behavior:    poll,
		agent:       builtinAgent,
		complexity:  tasks.Complexities()[r.IntN(4)],
		onExhausted: []tasks.OnExhausted{tasks.Degrade, tasks.Wait, tasks.GiveUp}[r.IntN(3)],
		cancelAfter: share(r.Float64(), 2*time.Second),
	}
	if n%3 == 0 {
		p.agent = partialAgent
	}
	switch x := r.Float64(); {
	case x < 0.20:
		p.behavior = cancel
	case x < 0.45:
		p.behavior = follow
	case x < 0.60:
		p.behavior = forget
	}
	if chance(0.7) {
		p.wait = 5
	}
	if chance(0.5) {
		p.leaveAfter = 1 + r.IntN(6)
	}
	if chance(0.3) {
		p.rereadAfter = share(r.Float64(), 10*time.Second)
	}
	p.localOnly = chance(0.1)
	if chance(0.1) {
		p.deadline = 8*time.Second + share(r.Float64(), 12*time.Second)
	}
	p.callback = chance(0.5) && can.Webhooks
	p.duplicate = chance(0.1) && can.Idempotency
	p.retry = chance(0.5) && can.Retry
	return p
}

// String returns the plan in one line, for the history of a job.
func (p lifePlan) String() string {
	text := []string{string(p.behavior), string(p.complexity), "on_exhausted " + string(p.onExhausted)}
	for _, part := range []struct {
		is   bool
		text string
	}{
		{p.behavior == cancel, "cancel after " + p.cancelAfter.Round(time.Millisecond).String()},
		{p.localOnly, "local_only"},
		{p.deadline > 0, "deadline in " + p.deadline.Round(time.Millisecond).String()},
		{p.callback, "callback"},
		{p.duplicate, "posted twice at once"},
		{p.retry, "retried if it fails"},
	} {
		if part.is {
			text = append(text, part.text)
		}
	}
	return strings.Join(text, ", ")
}

func preferWait(seconds int) string { return "wait=" + strconv.Itoa(seconds) }
