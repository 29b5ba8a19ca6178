package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// Jobs finds jobs. A job that is unknown, or forgotten by now, is an error of
// code tasks.CodeNotFound; tasks.CodeUnavailable says that asking again helps.
// It must be safe for concurrent use.
type Jobs interface {
	Job(ctx context.Context, tenant, id string) (*tasks.Job, error)
}

// Handler makes single tries of the webhooks that a queue holds. It is safe for
// concurrent use.
type Handler struct {
	jobs    Jobs
	courier *Courier
	log     *slog.Logger
}

// NewHandler returns a Handler.
func NewHandler(jobs Jobs, courier *Courier, log *slog.Logger) *Handler {
	return &Handler{jobs, courier, log}
}

// Handle makes one try. The answer is nil when the webhook is done with, a
// *queue.Retry when it should come back (one that counts when the try failed,
// one that does not when nothing was tried), and otherwise wraps
// queue.ErrGivenUp. Delivery takes no longer than the courier's total timeout;
// ctx should allow for that.
func (h *Handler) Handle(ctx context.Context, n queue.Notice) error {
	log := h.log.With("webhook_id", n.ID, "job_id", n.JobID, "tenant", n.Tenant, "type", n.Type, "try", n.Tries+1)
	job, err := h.jobs.Job(ctx, n.Tenant, n.JobID)
	if tasks.CodeOf(err) == tasks.CodeNotFound {
		log.Warn("webhook dropped: its job is forgotten")
		return nil
	}
	if err != nil {
		log.Error("webhook not sent: its job could not be loaded", "cause", err)
		return notLoaded(ctx, err, n.Tries)
	}
	if job.CallbackURL == "" {
		return nil
	}
	body, err := Payload(n, job)
	if err != nil {
		log.Error("webhook given up: its job could not be encoded", "cause", err)
		return errors.Join(queue.ErrGivenUp, err)
	}
	o := h.courier.Deliver(ctx, Delivery{ID: n.ID, URL: job.CallbackURL, Body: body})
	err = verdict(o, n.Tries)
	report(ctx, log.With("host", hostOf(job.CallbackURL)), o, err)
	return err
}

// notLoaded answers for a job that the store could not give. A store that is
// away uses up no try; a record that it can not read must not come back for ever.
func notLoaded(ctx context.Context, err error, tries int) error {
	if ctx.Err() != nil || tasks.CodeOf(err) == tasks.CodeUnavailable {
		return &queue.Retry{After: jitter(storeWait)}
	}
	return again(tries, 0, fmt.Errorf("load the job: %w", err))
}

// report logs what became of a try.
func report(ctx context.Context, log *slog.Logger, o Outcome, err error) {
	log = log.With("class", o.Class, "status", o.Status, "duration_ms", o.Took.Milliseconds())
	if o.cause != nil {
		log = log.With("cause", o.cause)
	}
	retry, later := errors.AsType[*queue.Retry](err)
	switch {
	case later && retry.Counts:
		log.WarnContext(ctx, "webhook failed, will be tried again", "retry_after_ms", retry.After.Milliseconds())
	case later:
		log.DebugContext(ctx, "webhook put off", "retry_after_ms", retry.After.Milliseconds())
	case err != nil:
		log.ErrorContext(ctx, "webhook given up")
	default:
		log.InfoContext(ctx, "webhook delivered")
	}
}
