package app

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/telemetry"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/agentstore"
	"github.com/topcentral/spillway/tasks/dispatch"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
	"github.com/topcentral/spillway/tasks/store/redisconn"
	"github.com/topcentral/spillway/worker/webhook"
)

// New wires a system on the Redis that the settings name, for a process of this
// role, and makes sure that it answers.
func New(ctx context.Context, cfg config.Config, role redisconn.Role, log *slog.Logger) (*App, error) {
	var c cleanup
	rdb, err := connect(ctx, &cfg, role, cfg.RedisWait, &c, log)
	if err != nil {
		c.run(log)
		return nil, err
	}
	queues, err := connectQueues(ctx, cfg, role, rdb, &c, log)
	if err != nil {
		c.run(log)
		return nil, err
	}
	return wire(ctx, cfg, webhook.Policy{Trust: cfg.WebhookAllow}, rdb, queues, c, log)
}

// NewEmbedded wires a system on a Redis of its own, in memory.
func NewEmbedded(cfg config.Config, log *slog.Logger) (*App, error) {
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start the embedded Redis: %w", err)
	}
	redisconn.LogTo(log)
	cfg.Durability, cfg.Shards = config.DurabilityDefault, 1 // it is in memory, and one
	cfg.RedisURL = "redis://" + server.Addr()
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr(), PoolSize: redisconn.WorkerPool})
	var c cleanup
	c.add("embedded Redis", func() error { server.Close(); return nil })
	c.add("clock of the embedded Redis", expire(server))
	c.add("Redis connections", rdb.Close)
	// What runs on one machine may call back to that machine.
	policy := webhook.Development()
	policy.Trust = cfg.WebhookAllow
	return wire(context.Background(), cfg, policy, rdb, rdb, c, log)
}

// wire builds the parts on rdb, and undoes c if it cannot.
func wire(ctx context.Context, cfg config.Config, policy webhook.Policy, rdb, queues redis.UniversalClient, c cleanup, log *slog.Logger) (*App, error) {
	exported, err := telemetry.Start(ctx, cfg.OTLP, log)
	if err != nil {
		c.run(log)
		return nil, err
	}
	c.add("export of telemetry", exported.Stop)
	log = exported.Log
	catalogue, err := agents.Open(cfg.AgentsDir, log)
	if err != nil {
		c.run(log)
		return nil, err
	}
	pushed := agentstore.New(rdb)
	load := func(ctx context.Context) error { _, err := pushed.Load(ctx, catalogue); return err }
	if err := persist(ctx, cfg.RedisWait, log, load); err != nil {
		c.run(log)
		return nil, err
	}
	storeConfig := store.DefaultConfig()
	storeConfig.Retention, storeConfig.Shards = cfg.Retention, int(cfg.Shards)
	storeConfig.Quota, storeConfig.KeptJobs = cfg.QueuedQuota, cfg.KeptJobs
	storeConfig.Fsync = cfg.Durability == config.DurabilityFsync
	s := &App{
		cfg: cfg, log: log, tracer: exported.Tracer, policy: policy, rdb: rdb, queues: queues, Agents: catalogue, pushed: pushed, cleanup: c,
		queue: queue.NewClient(queues), memory: redisconn.NewMemory(rdb, cfg.RedisMemory), clock: redisconn.NewClockWatch(rdb, log),
	}
	storeConfig.KeptBytes = s.keptBytes
	s.Store = store.New(rdb, storeConfig)
	s.cleanup.add("event subscription", s.Store.Close)
	s.metrics = newMetrics(s)
	rules := dispatch.Config{LaneOf: cfg.LaneOf(), LongestCall: cfg.LongestCall(), LimitOf: s.plannedLimit, CloudOrder: agents.CloudOrder(cfg.CloudOrder), OffPeakAt: offPeakAt, MaxCost: s.maxCost, LeastPrivacy: cfg.PrivacyMinimum.Of, Weight: cfg.TenantWeights.Of, Masked: s.masked, Room: s.highWater, MaxRetention: cfg.Retention}
	if len(cfg.WebhookSecret) > 0 {
		rules.CheckCallback = policy.CheckURL
	}
	s.dispatcher = dispatch.New(s.Store, s.queue, catalogue, rules, log)
	return s, nil
}
