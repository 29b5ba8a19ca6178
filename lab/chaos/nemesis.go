//go:build unix

package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/topcentral/spillway/lab/history"
)

// step is one fault of the nemesis.
type step struct {
	at       time.Duration // after the begin
	fault    history.Fault
	kind     history.Kind
	pick     int           // selects among the processes of that kind, or the variants of the fault
	duration time.Duration // how long it lasts
}

// rate is how often a fault happens, in proportion to the number of kills, and how
// long each may last.
type rate struct {
	fault    history.Fault
	kind     history.Kind
	perKill  float64
	min, max time.Duration
}

// rates lists all faults. Those of Redis are rare: after each of them the
// watchdogs wait for one lease, and a system that is never left alone for that
// long proves nothing. A worker is frozen for longer than a lease, so that its
// job is given to another and its late writes have to be refused.
var rates = []rate{
	{history.Kill, history.Worker, 0.80, 0, 2 * time.Second},
	{history.Kill, history.API, 0.17, 0, time.Second},
	{history.Kill, history.Redis, 0.03, 0, 3 * time.Second},
	{history.Terminate, history.Worker, 0.10, 0, time.Second},
	{history.Terminate, history.API, 0.02, 0, time.Second},
	{history.Freeze, history.Worker, 0.10, 9 * time.Second, 14 * time.Second},
	{history.Freeze, history.API, 0.02, time.Second, 4 * time.Second},
	{history.Freeze, history.Redis, 0.02, time.Second, 5 * time.Second},
	{history.Cut, history.Worker, 0.10, 100 * time.Millisecond, 6 * time.Second},
	{history.Cut, history.API, 0.05, 100 * time.Millisecond, 3 * time.Second},
	{history.Silence, history.Worker, 0.05, time.Second, 10 * time.Second},
	{history.Silence, history.API, 0.02, time.Second, 3 * time.Second},
	{history.Slow, history.Worker, 0.05, time.Second, 6 * time.Second},
	{history.Slow, history.API, 0.03, time.Second, 3 * time.Second},
	{history.Deny, history.Redis, 0.03, 200 * time.Millisecond, 4 * time.Second},
	{history.Mute, history.Redis, 0.005, time.Second, 6 * time.Second},
	{history.OOM, history.Redis, 0.005, time.Second, 12 * time.Second},
	{history.NoReplicas, history.Redis, 0.005, time.Second, 6 * time.Second},
	{history.ReadOnly, history.Redis, 0.005, time.Second, 6 * time.Second},
	{history.Misconf, history.Redis, 0.005, time.Second, 12 * time.Second},
	{history.Load, history.Redis, 0.005, time.Second, 6 * time.Second},
	{history.Jump, history.Redis, 0.01, 2 * time.Second, 12 * time.Second},
	{history.Withdraw, history.Worker, 0.03, 3 * time.Second, 12 * time.Second},
	{history.Flood, history.Tenant, 0.01, time.Second, 5 * time.Second},
}

// longestShare bounds each fault to this part of the span, so that a short run is
// not one long outage of Redis.
const longestShare = 8

// plan draws which fault happens when, in the order of time. Each happens
// at least once.
func plan(cfg config) []step {
	if cfg.kills == 0 {
		return nil
	}
	r := cfg.draw(drawFaults, 0)
	var steps []step
	for _, d := range rates {
		if !d.within(cfg.only) {
			continue
		}
		for range max(1, int(d.perKill*float64(cfg.kills)+0.5)) {
			steps = append(steps, step{
				at:       share(r.Float64(), cfg.span),
				fault:    d.fault,
				kind:     d.kind,
				pick:     r.IntN(1 << 16),
				duration: d.min + share(r.Float64(), max(0, min(d.max, cfg.span/longestShare)-d.min)),
			})
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	return steps
}

// name is how a fault is named on the command line and in the report.
func (d rate) name() string { return string(d.fault) + " " + string(d.kind) }

// within reports whether the rate is among those that only lists.
func (d rate) within(only string) bool {
	return only == "" || slices.Contains(strings.Split(only, ","), d.name())
}

// checkOnly says what is wrong with a list of faults.
func checkOnly(only string) error {
	if only == "" {
		return nil
	}
	for name := range strings.SplitSeq(only, ",") {
		if !slices.ContainsFunc(rates, func(d rate) bool { return d.name() == name }) {
			return fmt.Errorf("there is no fault %q; an example is %q", name, rates[0].name())
		}
	}
	return nil
}

// nemesis injects the planned faults.
type nemesis struct {
	w     *world
	steps []step
	flood *flood
}

func newNemesis(w *world) *nemesis {
	return &nemesis{w: w, steps: plan(w.cfg), flood: newFlood(w)}
}

// run injects every fault at its time, and returns when the last is over and
// everything is up again. When ctx ends it undoes what it has changed.
func (n *nemesis) run(ctx context.Context) {
	var faults sync.WaitGroup
	defer faults.Wait()
	began := time.Now()
	for _, s := range n.steps {
		sleep(ctx, time.Until(began.Add(s.at)))
		if ctx.Err() != nil {
			return
		}
		faults.Go(func() { n.do(ctx, s) })
	}
	sleep(ctx, time.Until(began.Add(n.w.cfg.span)))
}

// do injects one fault and records when it began and ended.
func (n *nemesis) do(ctx context.Context, s step) {
	if f, ok := redisFaultOf(s.fault, s.pick, n.w.cfg.span < time.Minute); ok {
		n.faultRedis(ctx, s, f)
		return
	}
	switch s.fault {
	case history.Load:
		n.loadRedis(ctx, s)
	case history.Jump:
		n.jumpClock(ctx, s)
	case history.Withdraw:
		n.withdrawAgent(ctx, s)
	case history.Flood:
		undone := n.note(history.Disturbance{Fault: s.fault, Kind: s.kind, Target: "tenant " + floodTenant, From: time.Now()})
		n.flood.run(ctx, s.duration)
		undone()
	case history.Cut, history.Silence, history.Slow:
		n.disturbLink(ctx, s)
	default:
		n.send(ctx, s)
	}
}

// send injects a fault by sending a signal.
func (n *nemesis) send(ctx context.Context, s step) {
	p := n.target(s)
	if s.fault == history.Kill {
		_ = p.restarted(ctx, 0) // one that is down is killed as soon as it is up; else fewer would be than were asked for
	}
	d := history.Disturbance{Fault: s.fault, Kind: s.kind, Target: p.name, From: time.Now()}
	switch s.fault {
	case history.Kill:
		d.PID = p.signal(syscall.SIGKILL, s.duration)
	case history.Terminate:
		d.PID = p.signal(syscall.SIGTERM, s.duration)
	case history.Freeze:
		d.PID = p.signal(syscall.SIGSTOP, 0)
	}
	if d.PID == 0 {
		return // it was down already
	}
	undone := n.note(d)
	if s.fault == history.Freeze {
		sleep(ctx, s.duration)
		p.thaw(d.PID)
	} else {
		n.awaitRestart(ctx, p, d.PID)
	}
	undone()
}

// withdrawAgent takes an agent from one of the workers that have it.
func (n *nemesis) withdrawAgent(ctx context.Context, s step) {
	p := n.target(s)
	for i := 1; p.agents == "" && i <= len(n.w.workers); i++ {
		p = n.w.workers[(s.pick+i)%len(n.w.workers)]
	}
	giveBack, ok := p.withdraw()
	if !ok {
		return
	}
	undone := n.note(history.Disturbance{Fault: s.fault, Kind: s.kind, Target: p.name, PID: p.pid(), From: time.Now()})
	sleep(ctx, s.duration)
	giveBack()
	undone()
}

// disturbLink disturbs the connections of a process to Redis.
func (n *nemesis) disturbLink(ctx context.Context, s step) {
	p := n.target(s)
	d := history.Disturbance{Fault: s.fault, Kind: s.kind, Target: p.name, PID: p.pid(), From: time.Now()}
	undo := p.link.disturb(s.fault)
	undone := n.note(d)
	sleep(ctx, s.duration)
	undo()
	undone()
}

// target is the process that a step is aimed at.
func (n *nemesis) target(s step) *process {
	switch s.kind {
	case history.Redis:
		return n.w.redis
	case history.API:
		return n.w.apis[s.pick%len(n.w.apis)]
	default:
		return n.w.workers[s.pick%len(n.w.workers)]
	}
}

// awaitRestart waits until the process is up again, and Redis until it answers.
func (n *nemesis) awaitRestart(ctx context.Context, p *process, pid int) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if p.restarted(ctx, pid) == nil && p.kind == history.Redis {
		_ = n.w.redisAnswers(ctx) // if it does not, everything after this says so
	}
}

// note notes a disturbance, and returns what notes its end.
func (n *nemesis) note(d history.Disturbance) (undone func()) {
	var at int
	n.w.log.Change(func(h *history.History) {
		at = len(h.Disturbances)
		h.Disturbances = append(h.Disturbances, d)
	})
	return func() {
		n.w.log.Change(func(h *history.History) { h.Disturbances[at].Until = time.Now() })
	}
}
