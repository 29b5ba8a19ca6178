package attempt

import (
	"context"
	"errors"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// Do runs a claimed job to its outcome and writes that. canceled receives when the
// job may have been canceled.
func (r *Runner) Do(c *store.Claim, lane tasks.Lane, canceled <-chan struct{}) {
	r.running[lane].Add(1)
	defer r.running[lane].Add(-1)
	a := r.attempt(c, lane)
	a.canceled = canceled
	a.run()
}

func (r *Runner) attempt(c *store.Claim, lane tasks.Lane) *attempt {
	log := r.Log.With("job_id", c.Job.ID, "agent", c.Job.Agent, "attempt", c.Job.Attempt, "lane", lane, "trace_id", c.Job.TraceID)
	a := &attempt{Runner: r, job: c.Job, input: c.Input, lane: lane, log: log, deadline: time.Now().Add(c.Left)}
	a.events.publish = a.appendEvents
	return a
}

// MaxCrashes is how many workers may be lost while they run a job. Whether a worker died
// or had lost touch with Redis for a lease cannot be distinguished, so both count; hence
// so many.
const MaxCrashes = 10

// run gets an answer and settles the job.
func (a *attempt) run() {
	ctx, cancel := context.WithCancelCause(a.base)
	defer cancel(nil)
	release := a.keepLease(ctx, cancel)
	defer release()
	ctx, span := a.cfg.Tracer.Start(a.waited(ctx), "attempt "+a.job.Agent, a.spanAttributes())
	defer span.End()

	began := time.Now()
	outcome := a.answer(ctx)
	describe(span, outcome)
	took := time.Since(began)
	err := a.settle(outcome)
	switch {
	case err == nil:
		a.learn(outcome, took)
		a.log.Info("attempt settled", "outcome", outcome.kind, "candidates", len(a.records))
	case errors.Is(err, store.ErrStale):
		a.log.Info("attempt dropped", "error", err)
	default:
		a.log.Error("outcome not written; another attempt follows when the lease ends", "outcome", outcome.kind, "error", err)
	}
	a.complete(outcome, err)
}

// answer decides how this attempt ends. It is the whole life of an attempt:
// the lane's candidates in order, then the other lanes, then the last resort.
func (a *attempt) answer(ctx context.Context) outcome {
	agent, ok := a.Agents.Lookup(a.job.Agent)
	if !ok {
		return a.withoutAgent(ctx)
	}
	a.version = agent.Version
	if a.job.Crashes >= MaxCrashes {
		return failed(tasks.Errorf(tasks.CodeCrashLoop, "%d workers were lost while they ran this job", a.job.Crashes))
	}
	if a.lane == tasks.Scorecard {
		a.recordUnreachable()
		return a.lastResort(ctx, agent, nil)
	}
	bounded, cancel := context.WithDeadline(ctx, a.deadline)
	defer cancel()
	output, err := a.ask(bounded, agent)
	switch {
	case err == nil:
		return succeeded(output)
	case ctx.Err() != nil:
		return interrupted(ctx)
	}
	a.log.Warn("no answer from this lane", "error", err)
	if bounded.Err() == nil && a.elsewhere(ctx, err) {
		return released(store.Release{Reason: store.ReasonElsewhere})
	}
	if bounded.Err() == nil {
		if o, ok := a.waitForRoom(ctx, err); ok {
			return o
		}
		if o, ok := a.untilReached(ctx, err); ok {
			return o
		}
	}
	if bounded.Err() == nil && a.otherLane(ctx) {
		return released(store.Release{Reason: store.ReasonExhausted, Exhausted: a.lane})
	}
	if bounded.Err() == nil && a.firstLaneAgain(ctx) {
		return released(store.Release{Reason: store.ReasonExhausted, Exhausted: a.lane, Forgive: true})
	}
	return a.lastResort(ctx, agent, err)
}

// appendEvents adds events to the job's log. They are informative: an error is not worth
// delaying the job for.
func (a *attempt) appendEvents(events []store.LogEvent) {
	ctx, cancel := context.WithTimeout(a.base, writeTimeout)
	defer cancel()
	if err := a.Store.Append(ctx, a.job.ID, a.job.Attempt, events...); err != nil {
		a.log.Debug("events could not be published", "events", len(events), "error", err)
	}
}
