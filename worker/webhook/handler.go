package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// ErrGivenUp says that a webhook will not be delivered and must not be tried
// again: its tries are used up, the receiver answered 410, or the job can not
// be encoded.
var ErrGivenUp = errors.New("webhook given up")

// RetryError says that a webhook was not delivered and when to try again.
type RetryError struct {
	After  time.Duration // from now
	Counts bool          // false: it was not the receiver's fault, so this must not count as a try

	cause error
}

// Error tells what went wrong and how long to wait.
func (e *RetryError) Error() string { return fmt.Sprintf("%v; again in %v", e.cause, e.After) }

// Unwrap returns what went wrong.
func (e *RetryError) Unwrap() error { return e.cause }

// Jobs finds jobs. A job that is unknown, or forgotten by now, is an error of
// code tasks.CodeNotFound. It must be safe for concurrent use.
type Jobs interface {
	Job(ctx context.Context, tenant, id string) (*tasks.Job, error)
}

// Handler makes one try at a time of the webhooks that a queue holds. It is
// safe for concurrent use.
type Handler struct {
	jobs    Jobs
	courier *Courier
	log     *slog.Logger
}

// NewHandler returns a Handler.
func NewHandler(jobs Jobs, courier *Courier, log *slog.Logger) *Handler {
	return &Handler{jobs, courier, log}
}

// The waits after which a webhook that was not sent comes back, before jitter.
const (
	busyWait  = 3 * time.Second // the receiver's host has its share
	storeWait = 5 * time.Second // the store is away
)

// Handle makes one try. The caller counts the tries so far, zero at first, and
// leaves those out whose RetryError says that nothing was tried.
//
// The answer is nil when the webhook is done with, a RetryError when it should
// come back, and otherwise wraps ErrGivenUp. Delivery takes no longer than the
// courier's total timeout; ctx should allow for that.
func (h *Handler) Handle(ctx context.Context, t Task, tries int) error {
	log := h.log.With("webhook_id", t.ID, "job_id", t.JobID, "tenant", t.Tenant, "type", t.Type)
	job, err := h.jobs.Job(ctx, t.Tenant, t.JobID)
	switch {
	case tasks.CodeOf(err) == tasks.CodeNotFound:
		log.Warn("webhook dropped: the job is forgotten")
		return nil
	case tasks.CodeOf(err) == tasks.CodeUnavailable:
		return &RetryError{After: jitter(storeWait), cause: fmt.Errorf("load the job: %w", err)}
	case err != nil:
		return again(tries, 0, fmt.Errorf("load the job: %w", err))
	case job.CallbackURL == "":
		return nil
	}
	body, err := Payload(t, job)
	if err != nil {
		return errors.Join(ErrGivenUp, err)
	}
	o := h.courier.Deliver(ctx, Delivery{ID: t.ID, URL: job.CallbackURL, Body: body})
	err = verdict(o, tries)
	report(log, hostOf(job.CallbackURL), o, tries, err)
	return err
}

// verdict turns an outcome into the answer of Handle. Here alone it is decided
// what is tried again.
func verdict(o Outcome, tries int) error {
	cause := fmt.Errorf("webhook not delivered: %s", o.Class)
	switch {
	case o.Class == Delivered:
		return nil
	case o.Class == Gone:
		return fmt.Errorf("%w: the receiver answered 410", ErrGivenUp)
	case o.Class == Busy:
		return &RetryError{After: jitter(busyWait), cause: cause}
	case !o.Class.counts():
		return &RetryError{cause: cause}
	}
	return again(tries, o.RetryAfter, cause)
}

// again answers for a try that failed after tries others.
func again(tries int, asked time.Duration, cause error) error {
	after, ok := next(tries+1, asked)
	if !ok {
		return fmt.Errorf("%w after %d tries: %w", ErrGivenUp, tries+1, cause)
	}
	return &RetryError{After: after, Counts: true, cause: cause}
}

func report(log *slog.Logger, host string, o Outcome, tries int, err error) {
	log = log.With("host", host, "class", o.Class, "status", o.Status, "try", tries+1, "duration_ms", o.Took.Milliseconds())
	if o.cause != nil {
		log = log.With("cause", o.cause)
	}
	retry, later := errors.AsType[*RetryError](err)
	switch {
	case err == nil:
		log.Info("webhook delivered")
	case later && !retry.Counts:
		log.Debug("webhook put off", "after_ms", retry.After.Milliseconds())
	case later:
		log.Warn("webhook failed", "after_ms", retry.After.Milliseconds())
	default:
		log.Error("webhook given up")
	}
}
