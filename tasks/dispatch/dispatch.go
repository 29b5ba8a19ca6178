package dispatch

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// Dispatcher makes jobs and issues their tickets. It is safe for concurrent
// use.
type Dispatcher struct {
	store         *store.Store
	queue         *queue.Client
	agents        *agents.Catalogue
	checkCallback func(url string) error
	log           *slog.Logger
	live          liveCache
}

// New returns a Dispatcher. checkCallback says what is wrong with a callback
// URL; nil refuses all of them, for want of a secret to sign with.
func New(s *store.Store, q *queue.Client, a *agents.Catalogue, checkCallback func(url string) error, log *slog.Logger) *Dispatcher {
	return &Dispatcher{store: s, queue: q, agents: a, checkCallback: checkCallback, log: log}
}

// Submit makes a job of a tenant's submission. A submission at fault gets an
// *tasks.Error that names every fault, and leaves nothing behind.
func (d *Dispatcher) Submit(ctx context.Context, tenant string, s *tasks.Submission) (*tasks.Job, error) {
	j, err := d.draft(tenant, s, time.Now())
	if err != nil {
		return nil, err
	}
	if err := d.store.Create(ctx, j, s.Input); err != nil {
		return nil, err
	}
	// The job is recorded: from here on it cannot be lost, also if its caller
	// is gone. If its tickets cannot be issued now, a watchdog issues them.
	issuing, cancel := context.WithTimeout(context.WithoutCancel(ctx), issueTimeout)
	defer cancel()
	if err := d.Issue(issuing, j); err != nil {
		d.log.WarnContext(ctx, "tickets not issued; a watchdog will", "job", j.ID, "error", err)
	}
	return j, nil
}

// issueTimeout bounds how long a submission waits for its tickets.
const issueTimeout = 5 * time.Second

// Issue gives a queued job its tickets. A job that is no longer queued needs
// none.
func (d *Dispatcher) Issue(ctx context.Context, j *tasks.Job) error {
	live, err := d.Live(ctx)
	if err != nil {
		return err
	}
	return d.issue(ctx, j, Plan(j, live))
}

// IssueAt gives a queued job one ticket for each of its open lanes with a model,
// due at the given time.
func (d *Dispatcher) IssueAt(ctx context.Context, j *tasks.Job, at time.Time) error {
	var chances []Chance
	for _, lane := range j.OpenLanes() {
		if lane != tasks.Scorecard {
			chances = append(chances, Chance{Lane: lane, At: at})
		}
	}
	return d.issue(ctx, j, chances)
}

func (d *Dispatcher) issue(ctx context.Context, j *tasks.Job, chances []Chance) error {
	if j.State != tasks.Queued {
		return nil
	}
	for _, c := range chances {
		t := queue.Ticket{JobID: j.ID, Lane: c.Lane, Complexity: j.Complexity, Round: j.Attempt}
		if err := d.queue.Enqueue(ctx, t, c.At); err != nil {
			return err
		}
	}
	return nil
}

// liveFor is how long a look at the registry serves: short beside the time
// after which a silent worker counts as gone.
const liveFor = 500 * time.Millisecond

// liveCache spares the registry a look per job.
type liveCache struct {
	mu   sync.Mutex
	live Live
	at   time.Time
}

// Live tells which queues are served now, or were a moment ago.
func (d *Dispatcher) Live(ctx context.Context) (Live, error) {
	d.live.mu.Lock()
	defer d.live.mu.Unlock()
	if time.Since(d.live.at) < liveFor {
		return d.live.live, nil
	}
	workers, err := d.store.Workers(ctx)
	if err != nil {
		return Live{}, err
	}
	d.live.live, d.live.at = LiveOf(workers), time.Now()
	return d.live.live, nil
}
