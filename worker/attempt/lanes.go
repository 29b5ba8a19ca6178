package attempt

import (
	"context"
	"slices"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// longestWaitInSlot is how long a job keeps its slot while it waits for a candidate
// that has no room. One that must wait longer gives the slot to others.
const longestWaitInSlot = 3 * time.Second

// waitInSlotUntil is until when the attempt keeps its slot to wait for candidates that
// have no room; not beyond the time at which another lane gets its ticket.
func (a *attempt) waitInSlotUntil(stopAt time.Time) time.Time {
	until := time.Now().Add(longestWaitInSlot)
	if !stopAt.IsZero() && stopAt.Before(until) {
		until = stopAt
	}
	return until
}

// since orders the jobs that wait for the same limit: by priority, then by age.
func (a *attempt) since() time.Time {
	const apart = 365 * 24 * time.Hour
	switch a.job.Priority {
	case tasks.PriorityHigh:
		return a.job.CreatedAt.Add(-apart)
	case tasks.PriorityLow:
		return a.job.CreatedAt.Add(apart)
	}
	return a.job.CreatedAt
}

// usualTime is how long a call on this lane is expected to take, at the median;
// 0 when nothing is known.
func (a *attempt) usualTime(ctx context.Context) time.Duration {
	view, err := a.Dispatcher.View(ctx)
	if err != nil {
		return 0
	}
	need := view.Expected(a.lane, a.job)
	if most := a.cfg.LongestCall[a.lane]; most > 0 {
		need = min(need, most)
	}
	return need
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

// timeLeft is how long a call of this attempt may take, and whether this is the
// last lane that can answer.
//
// A first lane that has another beside it writes until the job's target: an
// answer later than that is late, and the other lane would have been in time. It
// is not stopped at the spill time, the last moment at which the other lane
// still makes the target for sure, since for a job of any size that would leave
// it half of its time, cut off most answers that would have been in time, and
// have the other lane paid for all of these. What keeps the target safe is that
// a job whose answer is not likely to fit is refused before it begins. The last
// lane has until the deadline: there a late answer is better than none.
func (a *attempt) timeLeft(ctx context.Context) (left time.Duration, last bool) {
	until := a.deadline
	last = a.job.OpenLanes()[0] != a.lane || !a.otherLane(ctx)
	if !last {
		until = a.deadline.Add(a.job.TargetAt.Sub(a.job.Deadline))
	}
	left = time.Until(until)
	if most := a.cfg.LongestCall[a.lane]; most > 0 {
		left = min(left, most)
	}
	return left, last
}
