package attempt

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

const (
	// unreachableWait is after how long a job comes back whose candidates could not be
	// reached, at first; longer each time, up to unreachableLongest.
	unreachableWait    = 2 * time.Second
	unreachableLongest = 15 * time.Second
)

// recordUnreachable records those of the candidates that the job names which this
// worker cannot ask, with the cause: those of its lane, and before the scorecard
// answers, those of every lane.
func (a *attempt) recordUnreachable() {
	for _, name := range a.job.Candidates {
		lane := a.Fleet.LaneOf(name, a.job.Lanes[0])
		cause, passes := a.Fleet.Unreachable(lane, name)
		if cause == nil || !slices.Contains(a.job.Lanes, lane) {
			continue
		}
		if passes && a.pending == "" {
			a.pending = lane
		}
		if lane != a.lane && a.lane != tasks.Scorecard {
			continue
		}
		r := providers.Attempt{Candidate: name, Outcome: tasks.OutcomeUnreachable, Message: cause.Error(), StartedAt: time.Now()}
		if e, ok := errors.AsType[*providers.Error](cause); ok {
			r.Message = e.Message
		}
		if passes {
			r.RetryAfter = a.unreachableWait()
		}
		a.record(lane, r)
	}
}

// unreachableWait grows with the times that the job has waited. Those at which it went
// to another worker at once do not count.
func (a *attempt) unreachableWait() time.Duration {
	return min(unreachableWait<<min(max(0, a.waits()-maxElsewhere), 8), unreachableLongest)
}

// untilReached returns how the attempt ends if a candidate that the job names may
// yet be reached, or has just been lost: it has until the target of a job that
// settles for its scorecard, and else until the deadline.
func (a *attempt) untilReached(ctx context.Context, err error) (o outcome, ok bool) {
	e, exhausted := errors.AsType[*providers.ExhaustedError](err)
	if !exhausted {
		return o, false
	}
	lane := a.pending
	if e.Class == providers.ClassTransport && len(a.job.Candidates) > 0 {
		lane = a.lane
	} else if e.Class != "" {
		return o, false
	}
	wait, until := a.unreachableWait(), a.deadline
	if a.job.OnExhausted == tasks.Degrade {
		until = a.target()
	}
	if lane == "" || !time.Now().Add(wait).Before(until) || a.otherLane(ctx) {
		return o, false
	}
	o = released(store.Release{Reason: store.ReasonWaiting, Recheck: wait + watchSpare})
	o.again, o.lane = wait, lane
	return o, true
}

// exhausted is the error of a job that no lane can answer.
func (a *attempt) exhausted(cause error) *tasks.Error {
	text := "every candidate that was asked has failed; see attempts"
	e, ok := errors.AsType[*providers.ExhaustedError](cause)
	nobody := cause == nil || ok && e.Class == ""
	switch missing := a.unreachableNames(); {
	case !nobody:
	case len(missing) > 0:
		text = "nobody was asked: " + strings.Join(missing, ", ") + " could not be reached; see attempts"
	case ok && e.Refused != "":
		text = "nobody was asked: no candidate has room for the job in the time it has; see attempts"
	default:
		text = "nobody was asked: no model that may answer the job can be reached"
	}
	return tasks.Errorf(tasks.CodeExhausted, "%s", text).WithCause(cause)
}

// unreachableNames are the candidates that this attempt could not reach.
func (a *attempt) unreachableNames() []string {
	var names []string
	for _, r := range a.records {
		if r.Outcome == tasks.OutcomeUnreachable {
			names = append(names, r.Candidate)
		}
	}
	return names
}
