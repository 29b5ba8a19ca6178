package dispatch

import (
	"context"
	"slices"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// Preview returns what would become of a submission, and records nothing. It finds
// the same faults as Submit.
func (d *Dispatcher) Preview(ctx context.Context, tenant string, s *tasks.Submission) (*tasks.Preview, error) {
	r := read(s)
	j, err := d.draft(tenant, r, time.Now())
	if err != nil {
		return nil, err
	}
	view, err := d.View(ctx)
	if err != nil {
		return nil, err
	}
	k := d.findShortcut(ctx, j, r, d.peek)
	d.plan(j, view, k)
	p := &tasks.Preview{Job: j}
	d.preview(j, k)
	if p.AnsweredBy = j.AnsweredBy; p.AnsweredBy != "" {
		return p, nil
	}
	if i := slices.IndexFunc(j.Plan.Lanes, func(l tasks.LanePlan) bool { return l.Lane == tasks.Cloud }); i >= 0 {
		d.previewCloud(p, s, j.Plan.Lanes[i].Candidates)
	}
	return p, nil
}

// preview puts a drafted job into the state in which it would be recorded.
func (d *Dispatcher) preview(j *tasks.Job, k shortcut) {
	j.State, j.Attempts = tasks.Queued, []tasks.Attempt{}
	if j.Retention == 0 {
		j.Retention = tasks.Duration(d.store.Retention())
	}
	switch {
	case k.clear != nil:
		j.State, j.AnsweredBy, j.Result = tasks.Succeeded, tasks.ByFastPath, k.clear
	case k.shared.Hit != nil:
		j.State, j.AnsweredBy, j.Result = tasks.Succeeded, tasks.ByCache, k.shared.Hit.Output
		j.AnsweredAs, j.Saved = k.shared.Hit.JobID, k.shared.Hit.Cost
	case !j.RunAt.IsZero():
		j.State = tasks.Scheduled
	}
}

// previewCloud adds what the way to the cloud would cost and mask.
func (d *Dispatcher) previewCloud(p *tasks.Preview, s *tasks.Submission, candidates []string) {
	if d.cfg.MaxCost != nil {
		for _, c := range candidates {
			p.MaxCost = max(p.MaxCost, d.cfg.MaxCost(p.Job, s.Input, c))
		}
	}
	if d.cfg.Masked != nil && p.Job.Privacy.Masks() {
		p.Masked = d.cfg.Masked(p.Job, s.Input)
	}
}
