package api

import (
	"context"
	"errors"
	"time"

	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

// Deps is what the API shows and drives. All of it is required but Webhooks, and
// all of it must be safe for concurrent use.
type Deps struct {
	Jobs   Jobs
	Events Events
	// Webhooks is nil where none are sent.
	Webhooks Webhooks
	// Agents lists the agents there are, in order of their IDs.
	Agents func() []AgentDefinition
	// Health tells which part is well. It must return soon after ctx has ended.
	Health func(ctx context.Context) Health
}

// Jobs takes and keeps jobs. Its errors are of type *tasks.Error where the
// caller is to be told more than that something of ours failed. The jobs it
// returns are the caller's to keep and to change.
type Jobs interface {
	// Submit makes a job of s, durable when it returns. If s has an idempotency
	// key that has made a job of the tenant's before, that job as it is now is
	// replayed and no other is made. CodeInvalid with faults whose pointers begin
	// with /input, CodeUnknownAgent, CodeKeyReused and CodeConflict are the
	// caller's.
	Submit(ctx context.Context, tenant string, s *tasks.Submission) (j *tasks.Job, replayed bool, err error)
	// Preview tells what would become of s, and makes nothing. Its errors are
	// those of Submit, but for the ones about keys.
	Preview(ctx context.Context, tenant string, s *tasks.Submission) (*tasks.Preview, error)
	// Job returns the job as it is now. CodeNotFound if the tenant has none of
	// that ID.
	Job(ctx context.Context, tenant, id string) (*tasks.Job, error)
	// Find returns the job as it is now, whosever it is. CodeNotFound if there is
	// none of that ID.
	Find(ctx context.Context, id string) (*tasks.Job, error)
	// List returns a page of the tenant's jobs.
	List(ctx context.Context, tenant string, f tasks.JobFilter) (*tasks.JobPage, error)
	// Cancel ends the job, or returns it as it is when it is canceled already.
	// CodeNotFound; CodeConflict if it has ended otherwise.
	Cancel(ctx context.Context, tenant, id string) (*tasks.Job, error)
	// Retry starts a new run of a job that failed or was canceled. CodeNotFound;
	// CodeConflict if it is in another state.
	Retry(ctx context.Context, tenant, id string) (*tasks.Job, error)
	// Rerun makes a new job of one that has ended. One that was run again before is
	// not once more: the job that was made then is replayed. CodeNotFound;
	// CodeConflict if it has not ended.
	Rerun(ctx context.Context, tenant, id string) (j *tasks.Job, replayed bool, err error)
}

// Events is the log of every job.
type Events interface {
	// OnEvent returns a channel that holds a wake-up now, and whenever the job's
	// log may have grown. A wake-up may be for nothing, and one may be lost now and
	// then. leave must be called.
	OnEvent(id string) (wake <-chan struct{}, leave func())
	// Since returns up to limit of the job's events with a sequence number above
	// after, in order. It tells whether the log is over: the last event in it ends
	// the job, and is among these or was before them. An event that ends a run is
	// not the last one if the job has been retried since. With as many events as
	// the limit it need not tell yet. A log that is bounded may begin later than
	// after; within it there are no gaps.
	Since(ctx context.Context, id string, after, limit int64) (events []tasks.Event, over bool, err error)
	// AwaitEnd returns when the job has ended, or is gone, and with an error when
	// ctx has ended or there is no way to know.
	AwaitEnd(ctx context.Context, id string) error
}

// Webhooks keeps tenants' endpoints and the log of deliveries. Its errors are as
// those of Jobs; CodeNotFound where the tenant has no such endpoint or delivery.
type Webhooks interface {
	Endpoints(ctx context.Context, tenant string) ([]*tasks.Endpoint, error)
	Register(ctx context.Context, tenant string, d *tasks.EndpointDraft) (*tasks.Endpoint, error)
	Endpoint(ctx context.Context, tenant, id string) (*tasks.Endpoint, error)
	Change(ctx context.Context, tenant, id string, d *tasks.EndpointDraft) (*tasks.Endpoint, error)
	Remove(ctx context.Context, tenant, id string) error
	// Rotate gives the endpoint a new secret, beside which the old one signs for
	// the overlap.
	Rotate(ctx context.Context, tenant, id string, overlap time.Duration) (*tasks.Endpoint, error)
	// Secret returns what signs the webhooks to the callback URLs of the tenant's
	// jobs. CodeConflict when it cannot be opened.
	Secret(ctx context.Context, tenant string) (*tasks.SigningSecret, error)
	// RotateSecret makes a new one, beside which the old one signs for the overlap.
	RotateSecret(ctx context.Context, tenant string, overlap time.Duration) (*tasks.SigningSecret, error)
	// Test sends a webhook of type webhook.test. CodeConflict when the endpoint is
	// disabled, as of Recover and Redeliver.
	Test(ctx context.Context, tenant, id string) (webhookID string, err error)
	// Recover sends again what was tried in a span of time and never arrived, and
	// returns how much that was.
	Recover(ctx context.Context, tenant, id string, since, until time.Time) (int, error)
	// Deliveries returns a page of the log, which may be short of its limit, and
	// what to give as Before for the next one; "" on the last page.
	Deliveries(ctx context.Context, tenant string, f tasks.DeliveryFilter) (found []*tasks.Delivery, next string, err error)
	Delivery(ctx context.Context, tenant, id string) (*tasks.Delivery, error)
	Redeliver(ctx context.Context, tenant, id string) (*tasks.Delivery, error)
}

// What the API shows of its own; api/openapi.yaml describes each.
type (
	// AgentDefinition is an agent with the JSON Schemas of its input and output.
	AgentDefinition = spec.AgentDefinition
	// Health tells which part of the service is well.
	Health = spec.Health
	// HealthStatus tells how well a part is.
	HealthStatus = spec.HealthStatus
	// RedisHealth tells whether Redis answers.
	RedisHealth = spec.RedisHealth
	// QueueHealth tells how one queue does.
	QueueHealth = spec.QueueHealth
	// AgentHealth tells which workers have an agent.
	AgentHealth = spec.AgentHealth
	// ProviderHealth describes a model that workers leave alone.
	ProviderHealth = spec.ProviderHealth
	// LaneHealth tells who serves one lane.
	LaneHealth = spec.LaneHealth
)

// How well a part, or the whole, is.
const (
	HealthOK          = spec.HealthOK          // all is well
	HealthDegraded    = spec.HealthDegraded    // works, but not as it should; jobs are taken
	HealthUnavailable = spec.HealthUnavailable // does not work; of the whole: no jobs are taken
)

func (d Deps) validate() error {
	var errs []error
	required := func(name string, missing bool) {
		if missing {
			errs = append(errs, errors.New("api: Deps."+name+" is required"))
		}
	}
	required("Jobs", d.Jobs == nil)
	required("Events", d.Events == nil)
	required("Agents", d.Agents == nil)
	required("Health", d.Health == nil)
	return errors.Join(errs...)
}

// withTimeLimit limits the time of the calls to Jobs that an operation makes which may
// then wait, or makes many of. Other operations are limited as a whole.
type withTimeLimit struct {
	Jobs
	limit time.Duration
}

func (b withTimeLimit) Submit(ctx context.Context, tenant string, s *tasks.Submission) (*tasks.Job, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	return b.Jobs.Submit(ctx, tenant, s)
}

func (b withTimeLimit) Rerun(ctx context.Context, tenant, id string) (*tasks.Job, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	return b.Jobs.Rerun(ctx, tenant, id)
}

func (b withTimeLimit) List(ctx context.Context, tenant string, f tasks.JobFilter) (*tasks.JobPage, error) {
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	return b.Jobs.List(ctx, tenant, f)
}

func (b withTimeLimit) Find(ctx context.Context, id string) (*tasks.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	return b.Jobs.Find(ctx, id)
}

func (b withTimeLimit) Preview(ctx context.Context, tenant string, s *tasks.Submission) (*tasks.Preview, error) {
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	return b.Jobs.Preview(ctx, tenant, s)
}

func (b withTimeLimit) Job(ctx context.Context, tenant, id string) (*tasks.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	return b.Jobs.Job(ctx, tenant, id)
}
