package dispatch

import (
	"context"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// issueTimeout bounds how long a submission waits for its tickets.
const issueTimeout = 5 * time.Second

// Submit makes a job of a tenant's submission. A submission at fault gets an
// *tasks.Error that names every fault, and leaves nothing behind. One whose
// idempotency key has made a job before is answered with that job, replayed.
func (d *Dispatcher) Submit(ctx context.Context, tenant string, s *tasks.Submission) (j *tasks.Job, replayed bool, err error) {
	r := read(s)
	once, err := r.idempotency()
	if err != nil {
		return nil, false, err
	}
	if j, err = d.draft(tenant, r, time.Now()); err != nil {
		return d.replayOr(ctx, tenant, once, err)
	}
	if err := d.room(ctx); err != nil {
		return d.replayOr(ctx, tenant, once, err)
	}
	view, err := d.View(ctx)
	if err != nil {
		return nil, false, err
	}
	j.ID = d.store.NewID(tenant, once)
	j.Trace = tasks.TraceOf(ctx)
	j.TraceID = j.Trace.ID()
	d.assignVariant(j)
	k := d.findShortcut(ctx, j, r, d.join)
	d.plan(j, view, k)
	id, err := d.create(ctx, j, s.Input, once, k)
	if err != nil {
		return nil, false, err
	}
	if id != j.ID { // a request with the same key was here before
		return d.replay(ctx, tenant, id)
	}
	if j.State.Terminal() {
		return j, false, nil
	}
	d.issueRecorded(ctx, j, d.Issue)
	return j, false, nil
}

// room returns an error while there is no room for new jobs.
func (d *Dispatcher) room(ctx context.Context) error {
	if d.cfg.Room == nil {
		return nil
	}
	return d.cfg.Room(ctx)
}

// issueRecorded issues the tickets of a job that is recorded: from here on it
// cannot be lost, also if its caller is gone. If its tickets cannot be issued now,
// a watchdog issues them.
func (d *Dispatcher) issueRecorded(ctx context.Context, j *tasks.Job, issue func(context.Context, *tasks.Job) error) {
	issuing, cancel := context.WithTimeout(context.WithoutCancel(ctx), issueTimeout)
	defer cancel()
	if err := issue(issuing, j); err != nil {
		d.log.WarnContext(ctx, "tickets could not be issued; a watchdog will issue them", "job_id", j.ID, "trace_id", j.TraceID, "error", err)
	}
}

// replayOr answers a submission that is refused by the job that its key has made
// before, if it has: a replay is not checked again, for what was right then may
// not be any more, such as a deadline that has passed meanwhile.
func (d *Dispatcher) replayOr(ctx context.Context, tenant string, once store.Idempotency, refused error) (*tasks.Job, bool, error) {
	if once.Key == "" {
		return nil, false, refused
	}
	id, err := d.store.Replay(ctx, tenant, once)
	if err != nil {
		return nil, false, err
	}
	if id == "" {
		return nil, false, refused
	}
	return d.replay(ctx, tenant, id)
}

func (d *Dispatcher) replay(ctx context.Context, tenant, id string) (*tasks.Job, bool, error) {
	j, err := d.store.Job(ctx, tenant, id)
	if tasks.CodeOf(err) == tasks.CodeNotFound {
		err = tasks.Errorf(tasks.CodeConflict, "this Idempotency-Key has made job %s, which is no longer kept; use a new key for a new job", id)
	}
	return j, true, err
}

// Retry starts a new run of a tenant's job that failed or was canceled.
// CodeNotFound, CodeConflict when it is in another state, or CodeQuota.
func (d *Dispatcher) Retry(ctx context.Context, tenant, id string) (*tasks.Job, error) {
	if err := d.room(ctx); err != nil {
		return nil, err
	}
	j, err := d.store.Retry(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	d.issueRecorded(ctx, j, d.issueAnew)
	return j, nil
}

// issueAnew is Issue for a new run, whose plan is a new one in any case: that of
// the run before was made for another time.
func (d *Dispatcher) issueAnew(ctx context.Context, j *tasks.Job) error {
	view, err := d.View(ctx)
	if err != nil {
		return err
	}
	return d.issueBy(ctx, j, view, lastPlan(j) != nil)
}
