package dispatch

import (
	"context"
	"slices"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// lastPlan is the plan that a job goes by, nil if none is kept with it.
func lastPlan(j *tasks.Job) *tasks.Plan {
	if j.Replanned != nil {
		return j.Replanned
	}
	return j.Plan
}

// replanned reports whether what is true of a job's lanes now is not what its plan
// was made for: a lane is served that was not, or the other way round.
func (v View) replanned(j *tasks.Job) bool {
	p := lastPlan(j)
	if p == nil {
		return false
	}
	return slices.ContainsFunc(j.OpenLanes(), func(lane tasks.Lane) bool {
		i := slices.IndexFunc(p.Lanes, func(l tasks.LanePlan) bool { return l.Lane == lane })
		return i >= 0 && p.Lanes[i].Served != v.Serves(lane, j)
	})
}

// replan records the plan by which a queued job gets its tickets now, for explain. If
// that fails, the tickets are issued all the same.
func (d *Dispatcher) replan(ctx context.Context, j *tasks.Job, view View, planned []PlannedTicket, cheap, now time.Time) {
	if len(planned) == 0 {
		return
	}
	lanes := view.outlooks(j)
	p := &tasks.Plan{
		PressureLimit: maxPressure,
		MadeAt:        now.UTC().Truncate(time.Millisecond), Reason: reason(j, lanes, planned, cheap, now, now),
		Lanes: d.lanePlans(j, view, lanes, planned, now),
	}
	if err := d.store.Replan(ctx, j, p); err != nil {
		d.log.DebugContext(ctx, "the change of a job's plan could not be recorded", "job_id", j.ID, "error", err)
	}
}
