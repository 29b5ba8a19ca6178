package dispatch

import (
	"context"

	"github.com/topcentral/spillway/tasks"
)

// rerunKey is the idempotency key under which a job is run again. No caller can
// send it, for it is not printable.
func rerunKey(id string) string { return "rerun\n" + id }

// Rerun makes a new job of a tenant's job that has ended, on the same input and
// with the same wishes, and with the agent's own time from now on. No result of an
// equal job answers it. Within a day the same job is run again once: the new one
// is replayed. CodeNotFound, CodeConflict when it has not ended, or what Submit
// may say.
func (d *Dispatcher) Rerun(ctx context.Context, tenant, id string) (j *tasks.Job, replayed bool, err error) {
	old, err := d.store.Job(ctx, tenant, id)
	if err != nil {
		return nil, false, err
	}
	if !old.State.Terminal() {
		return nil, false, tasks.Errorf(tasks.CodeConflict, "The job is %s; only one that has ended can be run again.", old.State)
	}
	input, err := d.store.Input(ctx, id)
	if err != nil {
		return nil, false, err
	}
	return d.Submit(ctx, tenant, &tasks.Submission{
		Agent: old.Agent, Input: input, Complexity: old.Complexity, Language: old.Language, Privacy: old.Privacy,
		OnExhausted: old.OnExhausted, Priority: old.Priority, Candidates: old.Candidates, Cache: tasks.CacheBypassed,
		Flexible: old.Flexible, Retention: old.Retention, CallbackURL: old.CallbackURL, CallbackEvents: old.CallbackEvents,
		Metadata: old.Metadata, IdempotencyKey: rerunKey(id), RerunOf: id,
	})
}

// Find returns a job whosever it is, as Job does.
func (d *Dispatcher) Find(ctx context.Context, id string) (*tasks.Job, error) {
	j, err := d.store.Find(ctx, id)
	return d.withEstimate(ctx, j, err)
}
