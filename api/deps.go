package api

import (
	"context"
	"errors"
	"time"

	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

// Deps is what the API depends on. Everything but Webhooks is required, and
// everything must be safe for concurrent use.
type Deps struct {
	Jobs   Jobs
	Events Events
	// Webhooks is nil if none are sent.
	Webhooks Webhooks
	// Agents lists the agents, in order of their IDs.
	Agents func() []AgentDefinition
	// Health reports the health of each part. It must return soon after ctx has ended.
	Health func(ctx context.Context) Health
}

// Jobs accepts and stores jobs. Its errors are of type *tasks.Error where callers
// may know more than that the service failed. The caller owns the jobs it returns.
type Jobs interface {
	// Submit makes a job of s, which is durable when it returns. If s has an
	// idempotency key with which the tenant has made a job before, it returns that job
	// as it is now and makes no other. CodeInvalid with faults whose pointers begin with
	// /input, CodeUnknownAgent, CodeKeyReused and CodeConflict are the caller's errors.
	Submit(ctx context.Context, tenant string, s *tasks.Submission) (j *tasks.Job, replayed bool, err error)
	// Preview returns the job that Submit would make, and makes nothing. Its errors are
	// those of Submit, except those about keys.
	Preview(ctx context.Context, tenant string, s *tasks.Submission) (*tasks.Preview, error)
	// Job returns the job as it is now. CodeNotFound if the tenant has no job of that
	// ID.
	Job(ctx context.Context, tenant, id string) (*tasks.Job, error)
	// Find returns the job of any tenant as it is now. CodeNotFound if there is none of
	// that ID.
	Find(ctx context.Context, id string) (*tasks.Job, error)
	// List returns a page of the tenant's jobs.
	List(ctx context.Context, tenant string, f tasks.JobFilter) (*tasks.JobPage, error)
	// Cancel cancels the job, or returns it as it is if it is canceled already.
	// CodeNotFound; CodeConflict if it has ended in another way.
	Cancel(ctx context.Context, tenant, id string) (*tasks.Job, error)
	// Retry starts a new run of a job that failed or was canceled. CodeNotFound;
	// CodeConflict if it is in another state.
	Retry(ctx context.Context, tenant, id string) (*tasks.Job, error)
	// Rerun makes a new job of one that has ended. If that was done before, it returns
	// the job made then. CodeNotFound; CodeConflict if the job has not ended.
	Rerun(ctx context.Context, tenant, id string) (j *tasks.Job, replayed bool, err error)
}

// Events has the event log of every job.
type Events interface {
	// OnEvent returns a channel that gets a wake-up now, and whenever the job's log may
	// have grown. Wake-ups may be spurious, and may rarely be lost. leave must be called.
	OnEvent(id string) (wake <-chan struct{}, leave func())
	// Since returns up to limit of the job's events with a sequence number above
	// after, in order. over reports whether the log is complete: its last event ends
	// the job, and is among these or was before them. An event that ends a run is not
	// the last one if the job has been retried since. With as many events as the limit,
	// over may be false although the log is complete. A bounded log may begin later than
	// after; within it there are no gaps.
	Since(ctx context.Context, id string, after, limit int64) (events []tasks.Event, over bool, err error)
	// AwaitEnd returns when the job has ended or no longer exists, and with an error
	// when ctx has ended or the log cannot be followed.
	AwaitEnd(ctx context.Context, id string) error
}

// Webhooks has tenants' endpoints and the log of deliveries. Its errors are like
// those of Jobs; CodeNotFound if the tenant has no such endpoint or delivery.
type Webhooks interface {
	Endpoints(ctx context.Context, tenant string) ([]*tasks.Endpoint, error)
	Register(ctx context.Context, tenant string, d *tasks.EndpointDraft) (*tasks.Endpoint, error)
	Endpoint(ctx context.Context, tenant, id string) (*tasks.Endpoint, error)
	Change(ctx context.Context, tenant, id string, d *tasks.EndpointDraft) (*tasks.Endpoint, error)
	Remove(ctx context.Context, tenant, id string) error
	// Rotate gives the endpoint a new secret; the old one signs, too, for the overlap.
	Rotate(ctx context.Context, tenant, id string, overlap time.Duration) (*tasks.Endpoint, error)
	// Secret returns the secret that signs webhooks to the callback URLs of the tenant's
	// jobs. CodeConflict if it cannot be decrypted.
	Secret(ctx context.Context, tenant string) (*tasks.SigningSecret, error)
	// RotateSecret makes a new one; the old one signs, too, for the overlap.
	RotateSecret(ctx context.Context, tenant string, overlap time.Duration) (*tasks.SigningSecret, error)
	// Test sends a webhook of type webhook.test. CodeConflict if the endpoint is
	// disabled, as of Recover and Redeliver.
	Test(ctx context.Context, tenant, id string) (webhookID string, err error)
	// Recover sends again the webhooks that were tried in a span of time and never
	// arrived, and returns how many there are.
	Recover(ctx context.Context, tenant, id string, since, until time.Time) (int, error)
	// Deliveries returns a page of the log, which may have fewer entries than its limit,
	// and the Before of the next page; "" on the last page.
	Deliveries(ctx context.Context, tenant string, f tasks.DeliveryFilter) (found []*tasks.Delivery, next string, err error)
	Delivery(ctx context.Context, tenant, id string) (*tasks.Delivery, error)
	Redeliver(ctx context.Context, tenant, id string) (*tasks.Delivery, error)
}

// Types of the API itself; openapi.yaml describes each.
type (
	// AgentDefinition is an agent with the JSON Schemas of its input and output.
	AgentDefinition = spec.AgentDefinition
	// Health is the health of the service and its parts.
	Health = spec.Health
	// HealthStatus is the status of a part.
	HealthStatus = spec.HealthStatus
	// RedisHealth reports whether Redis answers.
	RedisHealth = spec.RedisHealth
	// QueueHealth describes one queue.
	QueueHealth = spec.QueueHealth
	// AgentHealth describes which workers have an agent.
	AgentHealth = spec.AgentHealth
	// ProviderHealth describes a model that workers do not call now.
	ProviderHealth = spec.ProviderHealth
	// LaneHealth describes who serves one lane.
	LaneHealth = spec.LaneHealth
)

// The statuses of a part, or of the whole.
const (
	HealthOK          = spec.HealthOK          //
	HealthDegraded    = spec.HealthDegraded    // impaired; jobs are accepted
	HealthUnavailable = spec.HealthUnavailable // does not work; of the whole: no jobs are accepted
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

// withTimeLimit limits the time of single calls, for operations that may wait or that
// make many calls. Other operations have a time limit as a whole.
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
