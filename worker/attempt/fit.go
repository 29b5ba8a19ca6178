package attempt

import (
	"context"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/worker/pace"
)

// fit gives the call of a candidate the tokens that it has the time for, or
// refuses it, so that the job goes to a faster one or to the other lane before
// time is spent on an answer that would be cut off.
func (a *attempt) fit(ctx context.Context, agent *agents.Agent, c providers.Candidate, req *providers.Request) error {
	if req.OutputLimit == 0 {
		return nil
	}
	left, last := a.timeLeft(ctx)
	b := pace.Allotment{Most: req.OutputLimit, Least: min(agent.MinOutput, req.OutputLimit), Input: providers.EstimateTokens(req), Left: left}
	name := c.String()
	if !last {
		// Where another lane can answer as well, a call that ends in time only every other
		// time is not worth it; where none can, it is better than none.
		b.Usual = a.estimator.UsualLength(ctx, a.job, name)
	}
	p := a.estimator.Of(ctx, name, a.Fleet.Parameters(a.lane, c))
	answer, total, err := b.Fit(name, p)
	if longest := a.cfg.LongestCall[a.lane]; err != nil && last && longest > 0 && left == longest && p.Decode > 0 {
		// It has all the time that a call ever gets, and no other lane can answer. If it
		// were refused now it would be refused forever, since only calls measure it.
		answer, total, err = b.Most, 0, nil
	}
	if err != nil {
		a.warmUp(c, b, p)
		return err
	}
	req.OutputLimit, req.TotalLimit = answer, total
	return nil
}

// warmUp loads a local model that was refused a job only because it is not in
// memory, so that the next job finds it there: otherwise it would never be asked
// again.
func (a *attempt) warmUp(c providers.Candidate, b pace.Allotment, p pace.Pace) {
	if a.lane != tasks.Local || p.Load == 0 {
		return
	}
	p.Load = 0
	if _, _, err := b.Fit("", p); err != nil || !a.estimator.BeginWarmUp(c.String()) {
		return
	}
	r := a.Runner
	r.background.Go(func() {
		ctx, cancel := context.WithTimeout(r.serving, pace.WarmUpInterval)
		defer cancel()
		_, err := c.Provider.Generate(ctx, &providers.Request{
			Model: c.Model, OutputLimit: 1, TotalLimit: 1, Messages: []providers.Message{{Role: providers.User, Content: "JSON"}},
		}, func(providers.Delta) {})
		if err != nil {
			r.Log.InfoContext(ctx, "a model could not be loaded ahead of its next job", "candidate", c.String(), "error", err)
			return
		}
		r.estimator.SetWarm(c.String())
	})
}
