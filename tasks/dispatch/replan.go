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

// replan notes the plan by which a queued job is given its tickets now. That is
// for who asks why a job went where it went, and no reason not to give them.
func (d *Dispatcher) replan(ctx context.Context, j *tasks.Job, view View, chances []Chance, cheap, now time.Time) {
	if len(chances) == 0 {
		return
	}
	lanes := view.outlooks(j)
	p := &tasks.Plan{
		PressureLimit: maxPressure,
		MadeAt:        now.UTC().Truncate(time.Millisecond), Reason: reason(j, lanes, chances, cheap, now, now),
		Lanes: d.lanePlans(j, view, lanes, chances, now),
	}
	if err := d.store.Replan(ctx, j, p); err != nil {
		d.log.DebugContext(ctx, "change of plan not noted", "job", j.ID, "error", err)
	}
}
