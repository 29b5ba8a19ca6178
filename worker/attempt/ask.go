package attempt

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks/agents"
)

// ask asks the lane's candidates. A ticket is no permission: what the job allows is
// checked here, so that no stray ticket takes data to where it must not go.
func (a *attempt) ask(ctx context.Context, agent *agents.Agent) (json.RawMessage, error) {
	if !slices.Contains(a.job.Lanes, a.lane) {
		return nil, fmt.Errorf("the job may not run on the lane %s", a.lane)
	}
	masked, err := a.applyPrivacy(ctx, agent)
	if err != nil {
		return nil, err
	}
	req, err := request(agent, a.job, masked.input)
	if err != nil {
		return nil, err
	}
	a.recordUnreachable()
	stopAt := a.stopAt(ctx)
	answer, err := a.route(ctx, &providers.Route{
		Candidates: masked.wrap(a.recorded(a.unsettled(a.Fleet.Candidates(a.lane, agent, a.job)))),
		Request:    *req,
		Owner:      providers.Owner{Tenant: a.job.Tenant, Agent: a.job.Agent},
		Job:        a.job.ID,
		Since:      a.since(),
		StopAt:     stopAt,
		WaitUntil:  a.waitInSlotUntil(stopAt),
		Fit: func(ctx context.Context, c providers.Candidate, req *providers.Request) error {
			if err := masked.check(req); err != nil {
				return err
			}
			return a.fit(ctx, agent, c, req)
		},
		Check:     checkOutput(agent),
		OnDelta:   func(_ providers.Candidate, d providers.Delta) { a.events.addText(d.Text) },
		OnAttempt: func(r providers.Attempt) { a.record(a.lane, r); a.sample(&r) },
	})
	if err != nil {
		return nil, err
	}
	return answer.Output, nil
}

// route asks the router. A panic on the way is an error like any other: it must end
// neither the worker nor the job.
func (a *attempt) route(ctx context.Context, r *providers.Route) (answer *providers.Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			a.log.Error("panic while asking a candidate; the job goes on without its answer", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return a.Router.Run(ctx, r)
}
