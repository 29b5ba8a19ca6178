package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/api/audit"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/agentstore"
	"github.com/topcentral/spillway/tasks/dispatch"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
	"github.com/topcentral/spillway/tasks/store/redisconn"
	"github.com/topcentral/spillway/worker/webhook"
)

// system is one process of Spillway, wired: what every mode of it shares. The
// parts that a mode serves with (API, worker, webhooks) are made from it.
type system struct {
	cfg        config
	log        *slog.Logger
	policy     webhook.Policy
	rdb        redis.UniversalClient
	queues     redis.UniversalClient // rdb, or a client of the same with the prefix of the queues
	store      *store.Store
	queue      *queue.Client
	agents     *agents.Catalogue
	pushed     *agentstore.Store
	dispatcher *dispatch.Dispatcher
	audit      *audit.Log // nil: none is kept
	metrics    *prometheus.Registry
	memory     *redisconn.Memory     // of rdb
	clock      *redisconn.ClockWatch // of rdb

	cleanup cleanup
}

// open wires a system on the Redis that the settings name, for a process of this
// role, and makes sure that it answers.
func open(ctx context.Context, cfg config, role redisconn.Role, log *slog.Logger) (*system, error) {
	var c cleanup
	rdb, err := connect(ctx, &cfg, role, cfg.RedisWait, &c, log)
	if err != nil {
		c.run(log)
		return nil, err
	}
	if !cfg.TunesGC {
		c.add("heap floor", raiseHeap())
	}
	queues, err := connectQueues(ctx, cfg, role, rdb, &c, log)
	if err != nil {
		c.run(log)
		return nil, err
	}
	return wire(cfg, webhook.Policy{Trust: cfg.WebhookAllow}, rdb, queues, c, log)
}

// openEmbedded wires a system on a Redis of its own, in memory.
func openEmbedded(cfg config, log *slog.Logger) (*system, error) {
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start the embedded Redis: %w", err)
	}
	redisconn.LogTo(log)
	cfg.Durability, cfg.Shards = durabilityDefault, 1 // it is in memory, and one
	cfg.RedisURL = "redis://" + server.Addr()
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	var c cleanup
	c.add("embedded Redis", func() error { server.Close(); return nil })
	c.add("clock of the embedded Redis", expire(server))
	c.add("Redis connections", rdb.Close)
	// What runs on one machine may call back to that machine.
	policy := webhook.Development()
	policy.Trust = cfg.WebhookAllow
	return wire(cfg, policy, rdb, rdb, c, log)
}

// expire lets the embedded Redis forget what has expired, once a second, until
// stop: it has no clock of its own, and its ClockTTL looks through all keys at
// every command.
func expire(server *miniredis.Miniredis) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	var loop sync.WaitGroup
	loop.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				server.FastForward(time.Second)
			}
		}
	})
	return func() error {
		cancel()
		loop.Wait()
		return nil
	}
}

// loadTimeout bounds the reading of pushed agents at the start.
const loadTimeout = 5 * time.Second

// wire builds the parts on rdb, and undoes c if it cannot.
func wire(cfg config, policy webhook.Policy, rdb, queues redis.UniversalClient, c cleanup, log *slog.Logger) (*system, error) {
	catalogue, err := agents.Open(cfg.AgentsDir, log)
	if err != nil {
		c.run(log)
		return nil, err
	}
	pushed := agentstore.New(rdb)
	loading, loaded := context.WithTimeout(context.Background(), loadTimeout)
	defer loaded()
	if _, err := pushed.Load(loading, catalogue); err != nil {
		c.run(log)
		return nil, err
	}
	storeConfig := store.DefaultConfig()
	storeConfig.Retention, storeConfig.Shards = cfg.Retention, int(cfg.Shards)
	storeConfig.Quota, storeConfig.KeptJobs = cfg.QueuedQuota, cfg.KeptJobs
	storeConfig.Fsync = cfg.Durability == durabilityFsync
	s := &system{
		cfg: cfg, log: log, policy: policy, rdb: rdb, queues: queues, agents: catalogue, pushed: pushed, cleanup: c,
		queue: queue.NewClient(queues), memory: redisconn.NewMemory(rdb, cfg.RedisMemory), clock: redisconn.NewClockWatch(rdb, log),
	}
	storeConfig.KeptBytes = s.keptBytes
	s.store = store.New(rdb, storeConfig)
	s.cleanup.add("event subscription", s.store.Close)
	s.metrics = newMetrics(s)
	rules := dispatch.Config{LaneOf: cfg.laneOf(), LongestCall: cfg.longestCall(), LimitOf: cfg.plannedLimit, CloudOrder: agents.CloudOrder(cfg.CloudOrder), OffPeakAt: offPeakAt, MaxCost: s.maxCost, LeastPrivacy: cfg.PrivacyMinimum.of, Masked: s.masked, Room: s.highWater, MaxRetention: cfg.Retention}
	if len(cfg.WebhookSecret) > 0 {
		rules.CheckCallback = policy.CheckURL
	}
	s.dispatcher = dispatch.New(s.store, s.queue, catalogue, rules, log)
	return s, nil
}

// reporter reports the health of the installation, as this process sees it.
func (s *system) reporter() reporter {
	return reporter{Store: s.store, Queues: s.queues, Memory: s.memoryFull, Clock: s.clock, Pushed: s.pushed, Agents: s.agents, Log: s.log}
}

// close ends what the system began.
func (s *system) close() { s.cleanup.run(s.log) }

// api returns the handler of the HTTP API, whose streams end with life.
func (s *system) api(life context.Context) (http.Handler, error) {
	guard, err := s.guard(life)
	if err != nil {
		return nil, err
	}
	post, err := s.post()
	if err != nil {
		return nil, err
	}
	return api.New(life, api.Config{MaxBody: s.cfg.APIMaxBody, MaxStreams: s.cfg.APIMaxStreams, Guard: guard, Audit: s.audit, Log: s.log, Metrics: s.metrics}, api.Deps{
		Jobs:   jobs{s.dispatcher, s.store},
		Events: s.store, Webhooks: post,
		Agents: func() []api.AgentDefinition { return shown(s.agents.All()) },
		Health: s.reporter().report,
	})
}

// jobs is what the API does with jobs: the dispatcher makes and shows them, the
// store lists and cancels them.
type jobs struct {
	*dispatch.Dispatcher
	store *store.Store
}

// List returns a page of a tenant's jobs.
func (j jobs) List(ctx context.Context, tenant string, f tasks.JobFilter) (*tasks.JobPage, error) {
	return j.store.List(ctx, tenant, f)
}

// Cancel ends a tenant's job.
func (j jobs) Cancel(ctx context.Context, tenant, id string) (*tasks.Job, error) {
	return j.store.Cancel(ctx, tenant, id)
}
