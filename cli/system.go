package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/dispatch"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
	"github.com/topcentral/spillway/worker/webhook"
)

// system is one process of Spillway, wired: what every mode of it shares. The
// parts that a mode serves with (API, worker, webhooks) are made from it.
type system struct {
	cfg        config
	log        *slog.Logger
	policy     webhook.Policy
	rdb        redis.UniversalClient
	store      *store.Store
	queue      *queue.Client
	agents     *agents.Catalogue
	dispatcher *dispatch.Dispatcher

	cleanup cleanup
}

// open wires a system on the Redis that the settings name, and makes sure that
// it answers.
func open(ctx context.Context, cfg config, log *slog.Logger) (*system, error) {
	opts, err := redis.ParseURL(cfg.RedisURL)
	if err != nil {
		return nil, fmt.Errorf("SPILLWAY_REDIS_URL: %w; want one such as redis://127.0.0.1:6379/0", err)
	}
	rdb := redis.NewClient(opts)
	if err := rdb.Ping(ctx).Err(); err != nil {
		_ = rdb.Close() // it never connected
		return nil, fmt.Errorf("no Redis answers at %s: %w; start one, set SPILLWAY_REDIS_URL, or try \"spillway dev\", which needs none", opts.Addr, err)
	}
	var c cleanup
	c.add("Redis connections", rdb.Close)
	return wire(cfg, webhook.Policy{Trust: cfg.WebhookAllow}, rdb, c, log)
}

// openEmbedded wires a system on a Redis of its own, in memory.
func openEmbedded(cfg config, log *slog.Logger) (*system, error) {
	server := miniredis.NewMiniRedis()
	server.ClockTTL(true) // else nothing would ever expire
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start the embedded Redis: %w", err)
	}
	cfg.RedisURL = "redis://" + server.Addr()
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	var c cleanup
	c.add("embedded Redis", func() error { server.Close(); return nil })
	c.add("Redis connections", rdb.Close)
	// What runs on one machine may call back to that machine.
	policy := webhook.Development()
	policy.Trust = cfg.WebhookAllow
	return wire(cfg, policy, rdb, c, log)
}

// wire builds the parts on rdb, and undoes c if it cannot.
func wire(cfg config, policy webhook.Policy, rdb redis.UniversalClient, c cleanup, log *slog.Logger) (*system, error) {
	catalogue, err := agents.Open(cfg.AgentsDir, log)
	if err != nil {
		c.run(log)
		return nil, err
	}
	storeConfig := store.DefaultConfig()
	storeConfig.Retention = cfg.Retention
	s := &system{
		cfg: cfg, log: log, policy: policy, rdb: rdb, agents: catalogue, cleanup: c,
		store: store.New(rdb, storeConfig), queue: queue.NewClient(rdb),
	}
	s.cleanup.add("event subscription", s.store.Close)
	var checkCallback func(string) error
	if len(cfg.WebhookSecret) > 0 {
		checkCallback = policy.CheckURL
	}
	s.dispatcher = dispatch.New(s.store, s.queue, catalogue, checkCallback, log)
	return s, nil
}

// close ends what the system began.
func (s *system) close() { s.cleanup.run(s.log) }

// api returns the handler of the HTTP API, whose streams end with life.
func (s *system) api(life context.Context) (http.Handler, error) {
	return api.New(life, api.Config{MaxBody: s.cfg.APIMaxBody, Log: s.log}, api.Deps{
		Jobs:   jobs{s.dispatcher, s.store},
		Events: s.store,
		Agents: func() []api.AgentDefinition { return shown(s.agents.All()) },
		Health: s.health,
	})
}

// jobs is what the API does with jobs: the dispatcher makes and shows them, the
// store cancels them.
type jobs struct {
	*dispatch.Dispatcher
	store *store.Store
}

// Cancel ends a tenant's job.
func (j jobs) Cancel(ctx context.Context, tenant, id string) (*tasks.Job, error) {
	return j.store.Cancel(ctx, tenant, id)
}
