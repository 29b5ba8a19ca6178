package attempt

import (
	"context"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/store"
)

// lastResort ends an attempt of a job that no lane can answer, because of cause, or
// whose time is up: the scorecard answers, the job waits, or it fails, as the job asks.
func (a *attempt) lastResort(ctx context.Context, agent *agents.Agent, cause error) outcome {
	late := !time.Now().Before(a.deadline)
	switch {
	case a.job.OnExhausted == tasks.Degrade && agent.HasScorecard():
		answer, err := a.route(ctx, &providers.Route{
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
		return released(store.Release{Reason: store.ReasonWaiting, Forgive: true, Recheck: a.nextTry(time.Now())})
	case late:
		return failed(tasks.Errorf(tasks.CodeDeadline, "no answer came before the job's deadline"))
	}
	return failed(a.exhausted(cause))
}
