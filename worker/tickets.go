package worker

import (
	"context"
	"slices"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// fullPause is when the ticket of a local job comes back that a machine without
// room has refused.
const fullPause = 2 * time.Second

// handle turns a ticket into a claim, and runs the job if it gets it. Attempts do not
// run on ctx, which the queue ends when Redis is unavailable for long: that is no
// reason to drop an answer.
func (w *Worker) handle(ctx context.Context, t queue.Ticket) error {
	w.inFlight.Add(1)
	defer w.inFlight.Done()
	if !t.Lane.Known() {
		w.Log.ErrorContext(ctx, "dropped a ticket for an unknown lane", "job_id", t.JobID, "lane", t.Lane)
		return nil
	}
	if !w.hasAgent(ctx, t) {
		return w.handBack(ctx, t)
	}
	if t.Lane == tasks.Scorecard && w.modelIsBack(ctx, t.JobID) {
		return nil
	}
	return w.claim(ctx, t.JobID, t.Lane)
}

// modelIsBack reports whether a lane with a model is served for a job whose
// ticket is the scorecard's: it was issued when none was. The job then gets
// tickets for that lane instead.
func (w *Worker) modelIsBack(ctx context.Context, id string) bool {
	view, err := w.Dispatcher.View(ctx)
	if err != nil || !view.ServesModels() {
		return false
	}
	j, err := w.Store.Find(ctx, id)
	if err != nil || !slices.ContainsFunc(j.OpenLanes(), func(l tasks.Lane) bool {
		return l != tasks.Scorecard && view.Serves(l, j)
	}) {
		return false
	}
	if err := w.Dispatcher.Issue(ctx, j); err != nil {
		w.Log.WarnContext(ctx, "tickets could not be issued; a watchdog will issue them", "job_id", id, "error", err)
	}
	return true
}

// claim claims a job on a lane, and runs it if it gets it.
func (w *Worker) claim(ctx context.Context, id string, lane tasks.Lane) error {
	if lane == tasks.Local {
		if w.host.Full() {
			return &queue.Retry{After: fullPause}
		}
		// The queue's own slots are not enough: it frees one when Redis was away
		// for long, and an older server may still be at work.
		select {
		case w.gpu <- struct{}{}:
			defer func() { <-w.gpu }()
		default:
			return &queue.Retry{After: time.Second}
		}
	}
	canceled, leave := w.Store.OnCancel(id) // before the claim, so that nothing is missed
	defer leave()
	claim, err := w.Store.Claim(ctx, id, lane, w.id)
	for err == nil && claim.Verdict == store.Follows {
		if err := w.runner.Follow(ctx, id, claim.Leader, lane); err != nil {
			return err
		}
		claim, err = w.Store.Claim(ctx, id, lane, w.id)
	}
	if err != nil {
		w.Log.WarnContext(ctx, "claim failed; the ticket comes back", "job_id", id, "lane", lane, "error", err)
		return &queue.Retry{After: time.Second, Cause: err}
	}
	switch claim.Verdict {
	case store.Claimed:
		w.runner.Do(claim, lane, canceled)
		return nil
	case store.Busy:
		return &queue.Retry{After: max(time.Second, claim.Wait)}
	default: // ended, unknown, or this lane has given up: the ticket is spent
		return nil
	}
}
