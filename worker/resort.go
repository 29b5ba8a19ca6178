package worker

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/store"
)

// maxElsewhere is how many attempts a job may have behind it to be handed from
// one worker to another of its lane.
const maxElsewhere = 3

// elsewhere reports whether this worker has failed where another of its lane may
// not: its provider is down, or it has no candidate, and others serve the queue.
// Candidates that were refused are no sign of that.
func (a *attempt) elsewhere(ctx context.Context, err error) bool {
	e, ok := errors.AsType[*providers.ExhaustedError](err)
	if !ok || e.Refused != "" || e.Class != "" && !e.Class.Policy().Whole || a.job.Attempt-a.claimsWith(wasRefused) > maxElsewhere {
		return false
	}
	// This worker may have told the registry already that it serves no longer.
	view, err := a.Dispatcher.Look(ctx)
	return err == nil && view.ServesBeside(a.id, a.lane, a.job)
}

// stopAt is when the job's first lane begins no further call: its spill time, if
// there is a lane to spill to. The lane that it spilled to has all the time there
// is.
func (a *attempt) stopAt(ctx context.Context) time.Time {
	if a.job.OpenLanes()[0] != a.lane || !a.otherLane(ctx) {
		return time.Time{}
	}
	return a.deadline.Add(a.job.SpillAt.Sub(a.job.Deadline))
}

// otherLane reports whether a lane is left that can run the job: one that has
// not given up on it and that a live worker serves. A registry that cannot be
// read is no reason to give up: what is served is looked at again when the
// job's next tickets are issued.
func (a *attempt) otherLane(ctx context.Context) bool {
	view, err := a.Dispatcher.View(ctx)
	for _, lane := range a.job.OpenLanes() {
		if lane != a.lane && lane != tasks.Scorecard && (err != nil || view.Serves(lane, a.job)) {
			return true
		}
	}
	return false
}

// firstLaneAgain reports whether the job's first lane may still answer though it
// has given up: it left a candidate out that would not have made the target, when
// there was another lane to make it. As the only lane it has until the deadline.
func (a *attempt) firstLaneAgain(ctx context.Context) bool {
	first := a.job.Lanes[0]
	if first == a.lane || !slices.Contains(a.job.Exhausted, first) {
		return false
	}
	last, slow := 0, false
	for _, r := range a.job.Attempts {
		if r.Lane != first {
			continue
		}
		slow = r.Outcome == tasks.OutcomeTooSlow || slow && r.Number == last
		last = r.Number
	}
	if !slow {
		return false
	}
	view, err := a.Dispatcher.View(ctx)
	return err != nil || view.Serves(first, a.job)
}

// lastResort is for a job that no lane can answer, for the reason given, or
// whose time is up: the scorecard, waiting, or an honest failure, as the job
// asks.
func (a *attempt) lastResort(ctx context.Context, agent *agents.Agent, cause error) outcome {
	late := !time.Now().Before(a.deadline)
	switch {
	case a.job.OnExhausted == tasks.Degrade && agent.HasScorecard():
		answer, err := a.walk(ctx, &providers.Route{
			Candidates: a.Fleet.Candidates(tasks.Scorecard, agent, a.job),
			Request:    providers.Request{Agent: a.job.Agent, Input: a.input, Language: string(a.job.Language)},
			Owner:      providers.Owner{Tenant: a.job.Tenant, Agent: a.job.Agent},
			Check:      checkOutput(agent),
			OnAttempt:  func(r providers.Attempt) { a.record(tasks.Scorecard, r) },
		})
		if err == nil {
			return degraded(answer.Output)
		}
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		a.log.Error("scorecard failed", "error", err)
		return failed(tasks.Errorf(tasks.CodeInternal, "the scorecard of agent %s failed", agent.ID).WithCause(err))
	case a.job.OnExhausted == tasks.Wait && !late:
		return released(store.Release{Reason: store.ReasonWaiting, Forgive: true, Recheck: a.comeBack(time.Now())})
	case late:
		return failed(tasks.Errorf(tasks.CodeDeadline, "no answer came before the job's deadline"))
	}
	return failed(a.exhausted(cause))
}

const (
	firstWait = 10 * time.Second
	minWait   = 2 * time.Second
	maxWait   = 5 * time.Minute
)

// comeBack is how long a waiting job stays away: until the first of those who
// were asked last is worth asking again. That is when they said so; who said
// nothing is asked again soon at first, and later from time to time.
func (a *attempt) comeBack(now time.Time) time.Duration {
	pause := pauseAfter(a.job.Attempt - 1 - a.waits())
	asked := lastAsked(slices.Concat(a.job.Attempts, a.records))
	if len(asked) == 0 {
		return pause
	}
	wait := maxWait
	for _, call := range asked {
		if call.RetryAt.IsZero() {
			wait = min(wait, pause)
		} else {
			wait = min(wait, call.RetryAt.Sub(now))
		}
	}
	return max(wait, minWait)
}

// pauseAfter is how long to stay away, after so many times, from who has failed.
func pauseAfter(times int) time.Duration {
	return min(firstWait<<max(0, min(times, 8)), maxWait)
}

// lastAsked returns the last call of each candidate in the last claim of each
// lane with a model.
func lastAsked(calls []tasks.Attempt) []tasks.Attempt {
	var last []tasks.Attempt
	for _, call := range calls {
		if call.Lane == tasks.Scorecard || call.Candidate == "" {
			continue
		}
		last = slices.DeleteFunc(last, func(earlier tasks.Attempt) bool {
			return earlier.Lane == call.Lane && (earlier.Number != call.Number || earlier.Candidate == call.Candidate)
		})
		last = append(last, call)
	}
	return last
}
