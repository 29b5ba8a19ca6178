package dispatch

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// Dispatcher makes jobs and issues their tickets. It is safe for concurrent
// use.
type Dispatcher struct {
	store  *store.Store
	queue  *queue.Client
	agents *agents.Catalogue
	cfg    Config
	log    *slog.Logger
	cache  viewCache
	issued issued
}

// Config holds what a Dispatcher needs from the rest of the system. Its functions
// must be safe for concurrent use.
type Config struct {
	// CheckCallback says what is wrong with a callback URL; nil refuses all of
	// them, for want of a secret to sign with.
	CheckCallback func(url string) error
	// OffPeakAt returns the first time from t on at which these cloud providers
	// are cheap; nil takes them to be the same at all hours.
	OffPeakAt func(providers []string, t time.Time) time.Time
	// LeastPrivacy is the least privacy of a tenant's jobs; nil: any.
	LeastPrivacy func(tenant string) tasks.Privacy
	// LaneOf returns the lane that a provider answers on, "" for one that is not
	// known; nil: none is known.
	LaneOf func(provider string) tasks.Lane
	// LongestCall is how long a call may take on a lane; none: any time.
	LongestCall map[tasks.Lane]time.Duration
	// LimitOf returns the limits of a candidate, named provider/model; nil: nothing is
	// limited.
	LimitOf func(candidate string) Limit
	// CloudOrder is the installation's own order of cloud providers.
	CloudOrder agents.CloudOrder
	// MaxCost is the most that one call for such a job may cost on a cloud
	// candidate, named provider/model; nil: not known. It is asked for previews
	// alone.
	MaxCost func(j *tasks.Job, input json.RawMessage, candidate string) tasks.Money
	// Masked counts the values of a job's input that would be masked on the way
	// to the cloud, by kind; nil: not known. It is asked for previews alone.
	Masked func(j *tasks.Job, input json.RawMessage) map[string]int
	// Room returns an error while there is no room for new jobs; nil: there always
	// is.
	Room func(ctx context.Context) error
	// Weight is how many turns a tenant has for each of others while many jobs wait; nil: one.
	Weight func(tenant string) float64
	// MaxRetention is the longest that a job may ask to be kept once it has ended;
	// 0: 90 days.
	MaxRetention time.Duration
}

// New returns a Dispatcher.
func New(s *store.Store, q *queue.Client, a *agents.Catalogue, cfg Config, log *slog.Logger) *Dispatcher {
	return &Dispatcher{store: s, queue: q, agents: a, cfg: cfg, log: log}
}

// Issue gives a queued job the tickets that suit what is true now, and notes when
// that is not what the job's plan was made for. What the plan has at the job's spill time
// is issued by then, when a watchdog looks at the job and calls Issue again. A job that is no longer queued
// needs none.
func (d *Dispatcher) Issue(ctx context.Context, j *tasks.Job) error {
	view, err := d.View(ctx)
	if err != nil {
		return err
	}
	return d.issueBy(ctx, j, view, view.replanned(j))
}

func (d *Dispatcher) issueBy(ctx context.Context, j *tasks.Job, view View, replan bool) error {
	return d.issueIn(ctx, view, Planned{j, d.planTickets(ctx, j, view, replan)})
}

// planTickets returns the tickets that a job is to get now, and notes its plan if that is
// another than before.
func (d *Dispatcher) planTickets(ctx context.Context, j *tasks.Job, view View, replan bool) []PlannedTicket {
	now := time.Now()
	cheap := d.cheapFrom(j, view, now)
	planned := postponeCloud(view.Plan(j, now), cheap)
	if replan && j.State == tasks.Queued {
		d.replan(ctx, j, view, planned, cheap, now)
	}
	return withoutSpill(j, planned, now)
}

// withoutSpill returns the tickets that are issued now. A watchdog issues the second
// lane's at the spill time: most jobs have ended before that. The cloud's ticket of a
// flexible job, which may be hours off, is no such one.
func withoutSpill(j *tasks.Job, planned []PlannedTicket, now time.Time) []PlannedTicket {
	if j.Flexible || len(planned) < 2 {
		return planned
	}
	first, rest := planned[:1], planned[1:]
	return append(first, slices.DeleteFunc(rest, func(t PlannedTicket) bool { return t.At.After(now) && t.At.Equal(j.SpillAt) })...)
}

// Planned is a job and the tickets that it is to get.
type Planned struct {
	Job     *tasks.Job
	Tickets []PlannedTicket
}

// OnlyScorecard reports whether nothing but the scorecard can answer the job, and at once.
func (p Planned) OnlyScorecard() bool {
	return len(p.Tickets) == 1 && p.Tickets[0].Lane == tasks.Scorecard && p.Tickets[0].At.IsZero()
}

// Plan returns the tickets that suit what is true now, as Issue issues them, and notes when
// that is not what the job's plan was made for.
func (d *Dispatcher) Plan(ctx context.Context, j *tasks.Job) (Planned, error) {
	view, err := d.View(ctx)
	if err != nil {
		return Planned{}, err
	}
	return Planned{j, d.planTickets(ctx, j, view, view.replanned(j))}, nil
}

// IssueAll issues tickets of several jobs in one round trip. They get into their queues in
// the order of the jobs.
func (d *Dispatcher) IssueAll(ctx context.Context, jobs []Planned) error {
	if len(jobs) == 0 {
		return nil
	}
	view, err := d.View(ctx)
	if err != nil {
		return err
	}
	return d.issueIn(ctx, view, jobs...)
}

// IssueAt gives a queued job one ticket for each of its open lanes with a model,
// due at the given time.
func (d *Dispatcher) IssueAt(ctx context.Context, j *tasks.Job, at time.Time) error {
	var planned []PlannedTicket
	for _, lane := range j.OpenLanes() {
		if lane != tasks.Scorecard {
			planned = append(planned, PlannedTicket{Lane: lane, At: at})
		}
	}
	return d.issue(ctx, j, planned)
}

// IssueOn gives a queued job a ticket for one lane, due at the given time.
func (d *Dispatcher) IssueOn(ctx context.Context, j *tasks.Job, lane tasks.Lane, at time.Time) error {
	return d.issue(ctx, j, []PlannedTicket{{Lane: lane, At: at}})
}

func (d *Dispatcher) issue(ctx context.Context, j *tasks.Job, planned []PlannedTicket) error {
	return d.IssueAll(ctx, []Planned{{j, planned}})
}

// issueIn issues tickets in a state of the system. A job that is not queued gets none.
func (d *Dispatcher) issueIn(ctx context.Context, view View, jobs ...Planned) error {
	var due []queue.Due
	for _, p := range jobs {
		if p.Job.State != tasks.Queued {
			continue
		}
		for _, t := range p.Tickets {
			ticket := ticketOf(p.Job, t.Lane)
			due = append(due, queue.Due{Ticket: ticket, At: t.At, Turn: d.turn(view, p.Job, t.Lane)})
		}
	}
	return d.queue.EnqueueAll(ctx, due...)
}

func ticketOf(j *tasks.Job, lane tasks.Lane) queue.Ticket {
	return queue.Ticket{
		JobID: j.ID, Lane: lane, Agent: j.Agent, Complexity: j.Complexity, Priority: j.Priority, Round: j.Attempt,
		Headers: j.Trace.Headers(),
	}
}

// Job returns a tenant's job with its result. A waiting job also has its position
// and when it is expected to start and end.
func (d *Dispatcher) Job(ctx context.Context, tenant, id string) (*tasks.Job, error) {
	j, err := d.store.Job(ctx, tenant, id)
	return d.withEstimate(ctx, j, err)
}

// withEstimate adds to a waiting job when it is expected to start and end.
func (d *Dispatcher) withEstimate(ctx context.Context, j *tasks.Job, err error) (*tasks.Job, error) {
	if err != nil || j.Waiting == nil || store.Shares(j) {
		return j, err
	}
	view, err := d.View(ctx)
	if err != nil {
		return nil, err
	}
	if j.Waiting.Position, err = d.position(ctx, j); err != nil {
		return nil, err
	}
	view.estimateStart(j, time.Now())
	return j, nil
}
