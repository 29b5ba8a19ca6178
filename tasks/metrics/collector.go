// Package metrics exports to Prometheus what Redis holds: how many jobs are in each
// state and have been, how full the queues are, and which workers are alive. It
// is the same for every process, so that it is enough to ask one of them, and
// wrong to add up what several say.
package metrics

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

const (
	// keptFor is how old exported values may be: scrapes at the same time cost one
	// look at Redis.
	keptFor = 2 * time.Second
	// lookLimit is how long a look at Redis may take. Prometheus waits for ten
	// seconds.
	lookLimit = 5 * time.Second
)

// Collector is a prometheus.Collector of what Redis holds. While Redis is unavailable it
// exports that, and nothing else.
type Collector struct {
	rdb    redis.UniversalClient
	store  *store.Store
	agents func() []string
	log    *slog.Logger

	mu     sync.Mutex // guards the rest; held during a look, so that there is one at a time
	looked time.Time
	seen   *sight // nil: Redis did not answer
}

var _ prometheus.Collector = (*Collector)(nil)

// NewCollector returns a Collector of the jobs in s, those of these agents apart,
// and of the queues in rdb.
func NewCollector(rdb redis.UniversalClient, s *store.Store, agents func() []string, log *slog.Logger) *Collector {
	return &Collector{rdb: rdb, store: s, agents: agents, log: log}
}

// sight is what one look has found.
type sight struct {
	totals  *store.Totals
	workers []tasks.Worker
	queues  []queue.Census
	queued  map[string]store.Queued           // by queue
	byAgent map[store.AgentQueue]store.Queued // by lane and agent
}

// look asks for everything at once, so that it takes as long as one round trip.
func (c *Collector) look() (*sight, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookLimit)
	defer cancel()
	var s sight
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { s.totals, err = c.store.Totals(ctx); return err })
	group.Go(func() (err error) { s.workers, err = c.store.Workers(ctx); return err })
	group.Go(func() (err error) { s.queues, err = queue.TakeCensus(ctx, c.rdb); return err })
	group.Go(func() (err error) { s.queued, err = c.store.Queued(ctx, store.JobQueues()); return err })
	group.Go(func() (err error) { s.byAgent, err = c.store.QueuedByAgent(ctx, c.agents()); return err })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return &s, nil
}

// last returns what the last look has found, and looks if that was too long ago.
func (c *Collector) last() *sight {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.looked.IsZero() && time.Since(c.looked) < keptFor {
		return c.seen
	}
	s, err := c.look()
	if err != nil {
		c.log.Warn("metrics of jobs and queues cannot be read", "error", err)
	}
	c.seen, c.looked = s, time.Now()
	return s
}
