package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/doctor"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// connect opens the Redis that the settings name, for a process of this role.
// It refuses one that does not answer within wait, or whose clock is too far from this
// machine's, and logs what else is wrong. c learns how to undo it.
//
// If not every server can confirm that a write is on disk, cfg no longer asks for
// it.
func connect(ctx context.Context, cfg *config.Config, role redisconn.Role, wait time.Duration, c *cleanup, log *slog.Logger) (redis.UniversalClient, error) {
	redisconn.LogTo(log)
	servers, err := redisconn.Open(cfg.RedisURL, role)
	if err != nil {
		return nil, fmt.Errorf("SPILLWAY_REDIS_URL: %w", err)
	}
	rdb := redisconn.NewBatcher(servers)
	c.add("Redis connections", rdb.Close)
	if role == redisconn.API {
		c.add("Redis gate", redisconn.NewGate(servers, log).Close)
	}
	if err := awaitRedis(ctx, *cfg, rdb, wait, log); err != nil {
		return nil, fmt.Errorf("no Redis answers at %s: %w; start one, set SPILLWAY_REDIS_URL, or try \"spillway dev\", which needs none", redisconn.Place(cfg.RedisURL), err)
	}
	skew, err := redisconn.CheckClock(ctx, rdb)
	if err != nil {
		return nil, err
	}
	if skew.Abs() > redisconn.SkewWarn {
		log.WarnContext(ctx, "the clocks of this machine and of Redis differ; synchronize both by NTP", "ahead", skew)
	}
	nodes, err := redisconn.Survey(ctx, servers)
	if err != nil {
		log.WarnContext(ctx, "cannot read the settings of Redis; they are not checked", "error", err)
	}
	for _, f := range doctor.CheckPermissions(ctx, servers, *cfg) {
		if f.Level != doctor.OK {
			log.ErrorContext(ctx, "the Redis user lacks permissions", "found", f.What, "do", f.Do)
		}
	}
	for _, n := range nodes {
		for _, f := range doctor.CheckRedis(n, cfg.Durability) {
			if f.Level != doctor.OK {
				log.WarnContext(ctx, "Redis is misconfigured", "check", f.Check, "found", f.What, "do", f.Do)
			}
		}
	}
	if err != nil || slices.ContainsFunc(nodes, func(n redisconn.Node) bool { return !n.WaitAOF }) {
		cfg.Durability = config.DurabilityDefault
	}
	return rdb, nil
}

// OpenRedis opens the Redis that the settings name, for a command that works on
// it without an API. The caller must call closeIt, unless there is an error.
func OpenRedis(ctx context.Context, cfg config.Config) (rdb redis.UniversalClient, closeIt func(), err error) {
	silent := slog.New(slog.DiscardHandler) // how Redis is configured does not concern the command
	var c cleanup
	closeIt = func() { c.run(silent) }
	if rdb, err = connect(ctx, &cfg, redisconn.Worker, 0, &c, silent); err != nil {
		closeIt()
	}
	return rdb, closeIt, err
}

// connectQueues returns the client of the queues: rdb, or where they have a prefix
// another of the same Redis. It makes sure that no other application's tasks are
// in them, and that all processes use the same prefix.
func connectQueues(ctx context.Context, cfg config.Config, role redisconn.Role, rdb redis.UniversalClient, c *cleanup, log *slog.Logger) (redis.UniversalClient, error) {
	queues := rdb
	if cfg.QueuePrefix != "" {
		servers, err := redisconn.Open(cfg.RedisURL, role)
		if err != nil {
			return nil, fmt.Errorf("SPILLWAY_REDIS_URL: %w", err)
		}
		queues = redisconn.NewBatcher(cfg.QueuePrefix.Under(servers))
		c.add("Redis connections of the queues", queues.Close)
		if role == redisconn.API {
			c.add("Redis gate of the queues", redisconn.NewGate(servers, log).Close)
		}
	}
	return queues, persist(ctx, cfg.RedisWait, log, func(ctx context.Context) error {
		if err := queue.Claim(ctx, rdb, cfg.QueuePrefix); err != nil {
			return err
		}
		return queue.CheckForeignTasks(ctx, queues)
	})
}
