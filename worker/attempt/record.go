package attempt

import (
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

// record adds the outcome of a call to the job's record.
func (a *attempt) record(lane tasks.Lane, r providers.Attempt) {
	call := tasks.Attempt{
		Number: a.job.Attempt, Lane: lane, Worker: a.Worker,
		Candidate: r.Candidate, Outcome: r.Outcome, Message: r.Message,
		StartedAt: r.StartedAt.UTC().Truncate(time.Millisecond), FirstTokenMS: r.FirstToken.Milliseconds(), DurationMS: r.Duration.Milliseconds(),
		Tokens:    tasks.Tokens{Input: r.Usage.Input, Cached: r.Usage.Cached, Output: r.Usage.Output, Reasoning: r.Usage.Reasoning},
		Estimated: r.Estimated, TokenLimit: r.TokenLimit, Cost: r.Cost, BudgetLeft: r.BudgetLeft,
		Breaker: r.Breaker, Next: r.Next,
	}
	if a.version != a.job.AgentVersion {
		call.AgentVersion = a.version
	}
	if r.RetryAfter > 0 {
		call.RetryAt = r.StartedAt.Add(r.Duration + r.RetryAfter).UTC().Truncate(time.Millisecond)
	}
	a.addMaskCounts(&call)
	a.records = append(a.records, call)
	a.spend(r.Cost)
	a.events.addCall(r)
	if class := providers.Class(r.Outcome); r.Outcome != tasks.OutcomeSucceeded && class.Policy().Whole {
		// It is probed now, so that this worker takes no more jobs that it cannot run.
		provider, _, _ := strings.Cut(r.Candidate, "/")
		a.Fleet.Suspect(provider)
	}
}

// sample keeps a call, to be learned from when the job is settled.
func (a *attempt) sample(r *providers.Attempt) {
	a.calls = append(a.calls, *r)
	if r.Outcome == tasks.OutcomeSucceeded {
		a.estimator.SetWarm(r.Candidate)
	}
}
