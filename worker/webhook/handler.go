package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

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
	jobs     Jobs
	registry Registry
	notices  Queue
	sender   *Sender
	log      *slog.Logger
}

// NewHandler returns a Handler. It queues on notices the webhooks of its own: that
// an endpoint was disabled.
func NewHandler(jobs Jobs, registry Registry, notices Queue, sender *Sender, log *slog.Logger) *Handler {
	return &Handler{jobs, registry, notices, sender, log}
}

// Handle makes one try. The answer is nil when the webhook is done with, a
// *queue.Retry when it should come back (one that counts when the try failed,
// one that does not when nothing was tried), and otherwise wraps
// queue.ErrGivenUp. Delivery takes no longer than the sender's total timeout;
// ctx should allow for that.
func (h *Handler) Handle(ctx context.Context, n queue.Notice) error {
	log := h.log.With("webhook_id", n.ID, "job_id", n.JobID, "endpoint", n.Endpoint, "tenant", n.Tenant, "type", n.Type, "try", n.Tries+1)
	d, err := h.prepare(ctx, n)
	switch {
	case errors.Is(err, errNoReceiver), tasks.CodeOf(err) == tasks.CodeNotFound:
		log.Info("webhook dropped: its job or endpoint no longer exists", "error", err)
		return nil
	case errors.Is(err, queue.ErrGivenUp):
		log.Error("webhook given up: it could not be encoded", "error", err)
		return err
	case errors.Is(err, ErrNoSecret): // the sender refuses it, and the log of tries says so
	case err != nil:
		log.Error("webhook not sent: its job or endpoint could not be loaded", "error", err)
		return notLoaded(ctx, err, n.Tries)
	}
	at := time.Now()
	o := h.sender.Deliver(ctx, *d)
	err = verdict(o, n.Tries)
	report(ctx, log.With("host", hostOf(d.URL), "trace_id", d.Trace.ID()), o, err)
	if o.Class != Busy && o.Class != Interrupted { // else nothing was tried
		h.note(ctx, log, n, try(n, d.URL, at, o, err))
	}
	return err
}

// errNoReceiver means that nobody is to be notified any more.
var errNoReceiver = errors.New("the job has no callback URL")

// prepare finds out where a webhook goes, what it says and what signs it. When
// that cannot be opened the error is ErrNoSecret, and the rest is there.
func (h *Handler) prepare(ctx context.Context, n queue.Notice) (*Delivery, error) {
	d := &Delivery{ID: n.ID, Tenant: n.Tenant}
	unsigned := h.address(ctx, n, d)
	if unsigned != nil && !errors.Is(unsigned, ErrNoSecret) {
		return nil, unsigned
	}
	if err := h.compose(ctx, n, d); err != nil {
		return nil, err
	}
	return d, unsigned
}

// address finds out where a webhook of an endpoint goes, and what signs one.
func (h *Handler) address(ctx context.Context, n queue.Notice, d *Delivery) (err error) {
	if n.Endpoint == "" {
		d.Secrets, err = h.registry.Signing(ctx, n.Tenant)
	} else {
		var target *Target
		if target, err = h.registry.Target(ctx, n.Tenant, n.Endpoint); target != nil {
			d.URL, d.Secrets = target.URL, target.Secrets
		}
	}
	if err != nil {
		d.Secrets = nil
	}
	return err
}

// compose finds out what a webhook says, and where one to a callback URL goes.
func (h *Handler) compose(ctx context.Context, n queue.Notice, d *Delivery) (err error) {
	if n.JobID == "" {
		d.Body, err = notePayload(n)
		return err
	}
	job, err := h.jobs.Job(ctx, n.Tenant, n.JobID)
	if err != nil {
		return err
	}
	d.Trace = job.Trace
	if n.Endpoint == "" {
		d.URL = job.CallbackURL
	}
	if d.URL == "" {
		return errNoReceiver
	}
	if d.Body, err = Payload(n, job); err != nil {
		return errors.Join(queue.ErrGivenUp, err)
	}
	return nil
}

// try is the log's entry of one try.
func try(n queue.Notice, url string, at time.Time, o Outcome, verdict error) *tasks.Delivery {
	d := &tasks.Delivery{
		WebhookID: n.ID, Endpoint: n.Endpoint, JobID: n.JobID, Type: n.Type, Host: hostOf(url), Try: n.Tries + 1,
		Outcome: string(o.Class), HTTPStatus: o.Status, Answer: o.Answer,
		At: at.UTC().Truncate(time.Millisecond), DurationMS: o.Took.Milliseconds(),
	}
	if o.Class == Unreachable {
		d.DurationMS = 0 // how long a name took to resolve would say whether it exists
	}
	if later, ok := errors.AsType[*queue.Retry](verdict); ok {
		d.NextTryAt = time.Now().Add(later.After).UTC().Truncate(time.Millisecond)
	}
	d.Notice, _ = json.Marshal(n) // of strings and numbers
	return d
}

// noteTimeout bounds how long the log of a try may take, which goes on when the
// worker stops.
const noteTimeout = 5 * time.Second

// note keeps a try in the log. A log that is unavailable is no reason to send again.
func (h *Handler) note(ctx context.Context, log *slog.Logger, n queue.Notice, d *tasks.Delivery) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	disabled, err := h.registry.Note(ctx, n.Tenant, d)
	if err != nil {
		log.Warn("webhook try could not be logged", "error", err)
		return
	}
	if !disabled {
		return
	}
	log.Warn("endpoint disabled", "host", d.Host)
	if err := h.notifyDisabled(ctx, n); err != nil {
		log.Warn("the tenant's other endpoints could not be notified", "error", err)
	}
}

// notifyDisabled notifies the tenant's other endpoints that one is disabled.
func (h *Handler) notifyDisabled(ctx context.Context, n queue.Notice) error {
	others, err := h.registry.Subscribed(ctx, n.Tenant, tasks.EventEndpointDisabled)
	if err != nil {
		return err
	}
	at := time.Now().UTC()
	event := queue.Notice{
		ID:     "evt_" + n.Endpoint + "_disabled_" + strconv.FormatInt(at.UnixMilli(), 10),
		Tenant: n.Tenant, Subject: n.Endpoint, Type: tasks.EventEndpointDisabled, At: at,
	}
	var errs []error
	for _, event.Endpoint = range others {
		errs = append(errs, h.notices.EnqueueWebhook(ctx, event))
	}
	return errors.Join(errs...)
}

// notLoaded answers for what the store could not give. A store that is unavailable
// uses up no try; a record that it cannot read must not come back for ever.
func notLoaded(ctx context.Context, err error, tries int) error {
	if ctx.Err() != nil || tasks.CodeOf(err) == tasks.CodeUnavailable {
		return &queue.Retry{After: jitter(storeWait)}
	}
	return again(tries, 0, fmt.Errorf("load the webhook: %w", err))
}

// report logs the outcome of a try.
func report(ctx context.Context, log *slog.Logger, o Outcome, err error) {
	log = log.With("class", o.Class, "status", o.Status, "duration_ms", o.Took.Milliseconds())
	if o.cause != nil {
		log = log.With("error", o.cause)
	}
	retry, later := errors.AsType[*queue.Retry](err)
	switch {
	case later && retry.Counts:
		log.WarnContext(ctx, "webhook failed, will be tried again", "retry_after_ms", retry.After.Milliseconds())
	case later:
		log.DebugContext(ctx, "webhook postponed", "retry_after_ms", retry.After.Milliseconds())
	case err != nil:
		log.ErrorContext(ctx, "webhook given up")
	default:
		log.InfoContext(ctx, "webhook delivered")
	}
}
