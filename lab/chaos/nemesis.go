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

// step is one deed of the nemesis.
type step struct {
	at    time.Duration // after the begin
	deed  history.Deed
	kind  history.Kind
	who   int           // of the processes of that kind
	lasts time.Duration // down, frozen or cut off
}

// dose says how often a deed is done, in proportion to the kills that are asked
// for, and how long each may last.
type dose struct {
	deed     history.Deed
	kind     history.Kind
	perKill  float64
	min, max time.Duration
}

// doses is the whole of what is done. Redis goes rarely: after each time the
// watchdogs wait for one lease, and a system that is never left alone for that
// long proves nothing. A worker is frozen for longer than a lease, so that its
// job is given to another and its late writes have to be refused.
var doses = []dose{
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

// plan draws what is done and when, in the order of time. Each deed is done
// once at least.
func plan(cfg config) []step {
	if cfg.kills == 0 {
		return nil
	}
	r := cfg.draw(drawDeeds, 0)
	var steps []step
	for _, d := range doses {
		if !d.within(cfg.only) {
			continue
		}
		for range max(1, int(d.perKill*float64(cfg.kills)+0.5)) {
			steps = append(steps, step{
				at:    share(r.Float64(), cfg.span),
				deed:  d.deed,
				kind:  d.kind,
				who:   r.IntN(1 << 16),
				lasts: d.min + share(r.Float64(), d.max-d.min),
			})
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	return steps
}

// name is how a deed is named on the command line and in the report.
func (d dose) name() string { return string(d.deed) + " " + string(d.kind) }

// within reports whether the dose is among those that only lists.
func (d dose) within(only string) bool {
	return only == "" || slices.Contains(strings.Split(only, ","), d.name())
}

// checkOnly says what is wrong with a list of deeds.
func checkOnly(only string) error {
	if only == "" {
		return nil
	}
	for name := range strings.SplitSeq(only, ",") {
		if !slices.ContainsFunc(doses, func(d dose) bool { return d.name() == name }) {
			return fmt.Errorf("there is no deed %q; one is %q", name, doses[0].name())
		}
	}
	return nil
}

// nemesis does what is planned to the world.
type nemesis struct {
	w     *world
	steps []step
	flood *flood
}

func newNemesis(w *world) *nemesis {
	return &nemesis{w: w, steps: plan(w.cfg), flood: newFlood(w)}
}

// run does every deed at its time, and returns when the last has passed and
// everything is up again. When ctx ends it undoes what it has done.
func (n *nemesis) run(ctx context.Context) {
	var deeds sync.WaitGroup
	defer deeds.Wait()
	began := time.Now()
	for _, s := range n.steps {
		sleep(ctx, time.Until(began.Add(s.at)))
		if ctx.Err() != nil {
			return
		}
		deeds.Go(func() { n.do(ctx, s) })
	}
	sleep(ctx, time.Until(began.Add(n.w.cfg.span)))
}

// do does one deed and notes it, with its end.
func (n *nemesis) do(ctx context.Context, s step) {
	if f, ok := redisFaultOf(s.deed, s.who); ok {
		n.faultRedis(ctx, s, f)
		return
	}
	switch s.deed {
	case history.Load:
		n.loadRedis(ctx, s)
	case history.Jump:
		n.jumpClock(ctx, s)
	case history.Withdraw:
		n.withdrawAgent(ctx, s)
	case history.Flood:
		undone := n.note(history.Disturbance{Deed: s.deed, Kind: s.kind, Target: "tenant " + floodTenant, From: time.Now()})
		n.flood.run(ctx, s.lasts)
		undone()
	case history.Cut, history.Silence, history.Slow:
		n.disturbLink(ctx, s)
	default:
		n.send(ctx, s)
	}
}

// send does a deed that a signal does.
func (n *nemesis) send(ctx context.Context, s step) {
	p := n.target(s)
	if s.deed == history.Kill {
		_ = p.reborn(ctx, 0) // one that is down is killed as soon as it is up; else fewer would be than were asked for
	}
	d := history.Disturbance{Deed: s.deed, Kind: s.kind, Target: p.name, From: time.Now()}
	switch s.deed {
	case history.Kill:
		d.PID = p.signal(syscall.SIGKILL, s.lasts)
	case history.Terminate:
		d.PID = p.signal(syscall.SIGTERM, s.lasts)
	case history.Freeze:
		d.PID = p.signal(syscall.SIGSTOP, 0)
	}
	if d.PID == 0 {
		return // it was down already
	}
	undone := n.note(d)
	if s.deed == history.Freeze {
		sleep(ctx, s.lasts)
		p.thaw(d.PID)
	} else {
		n.awaitRebirth(ctx, p, d.PID)
	}
	undone()
}

// withdrawAgent takes an agent from one of the workers that have it.
func (n *nemesis) withdrawAgent(ctx context.Context, s step) {
	p := n.target(s)
	for i := 1; p.agents == "" && i <= len(n.w.workers); i++ {
		p = n.w.workers[(s.who+i)%len(n.w.workers)]
	}
	giveBack, ok := p.withdraw()
	if !ok {
		return
	}
	undone := n.note(history.Disturbance{Deed: s.deed, Kind: s.kind, Target: p.name, PID: p.pid(), From: time.Now()})
	sleep(ctx, s.lasts)
	giveBack()
	undone()
}

// disturbLink does a deed to a process's way to Redis.
func (n *nemesis) disturbLink(ctx context.Context, s step) {
	p := n.target(s)
	d := history.Disturbance{Deed: s.deed, Kind: s.kind, Target: p.name, PID: p.pid(), From: time.Now()}
	undo := p.link.disturb(s.deed)
	undone := n.note(d)
	sleep(ctx, s.lasts)
	undo()
	undone()
}

// target is the process that a step is aimed at.
func (n *nemesis) target(s step) *process {
	switch s.kind {
	case history.Redis:
		return n.w.redis
	case history.API:
		return n.w.apis[s.who%len(n.w.apis)]
	default:
		return n.w.workers[s.who%len(n.w.workers)]
	}
}

// awaitRebirth waits until the process is up again, and Redis until it answers.
func (n *nemesis) awaitRebirth(ctx context.Context, p *process, pid int) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if p.reborn(ctx, pid) == nil && p.kind == history.Redis {
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
