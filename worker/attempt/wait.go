package attempt

import (
	"context"
	"errors"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

const (
	// early is how long before its turn such a job comes back: tickets fall due by the
	// second.
	early = 2 * time.Second
	// watchSpare is how long after that a watchdog checks the job's ticket.
	watchSpare = 10 * time.Second
)

// waitForRoom returns how the attempt ends if a candidate of its lane can still answer
// in time, though not now: the job goes back to its queue until then. A candidate
// that is only busy is waited for until the deadline. One that has failed just now
// may fail again, so a job that settles for its scorecard waits for it no longer
// than until its target.
func (a *attempt) waitForRoom(ctx context.Context, err error) (o outcome, ok bool) {
	e, ok := errors.AsType[*providers.ExhaustedError](err)
	if !ok {
		return o, false
	}
	need, now := a.usualTime(ctx), time.Now()
	untilFailing := a.deadline
	if a.job.OnExhausted == tasks.Degrade {
		untilFailing = a.target()
	}
	var wait time.Duration
	if e.Busy > 0 && now.Add(e.Busy+need).Before(a.deadline) {
		wait = e.Busy
	}
	if e.Failing > 0 && now.Add(e.Failing+need).Before(untilFailing) && (wait == 0 || e.Failing < wait) {
		wait = e.Failing
	}
	if wait == 0 {
		return o, false
	}
	o = released(store.Release{Reason: store.ReasonWaiting, Recheck: wait + watchSpare})
	o.again, o.lane, o.spill = max(wait-early, time.Second), a.lane, wait != e.Busy
	return o, true
}

// issueLater gives a job that waits for its lane a ticket for the time at which
// that may answer. If the lane has failed, the others get tickets now, not only at
// the spill time.
func (a *attempt) issueLater(ctx context.Context, j *tasks.Job, o outcome) error {
	now := time.Now()
	err := a.Dispatcher.IssueOn(ctx, j, o.lane, now.Add(o.again))
	for _, lane := range j.OpenLanes() {
		if err != nil || !o.spill || lane == o.lane || lane == tasks.Scorecard || !now.Before(j.SpillAt) {
			continue
		}
		err = a.Dispatcher.IssueOn(ctx, j, lane, now)
	}
	return err
}
