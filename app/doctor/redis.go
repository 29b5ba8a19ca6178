package doctor

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/health"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// examineRedis checks Redis, and the state of the queues and workers in it.
func examineRedis(ctx context.Context, cfg config.Config) []Finding {
	f := Finding{Check: "redis"}
	rdb, err := redisconn.Open(cfg.RedisURL, redisconn.API)
	if err != nil {
		return []Finding{f.fail(err.Error(), "correct SPILLWAY_REDIS_URL")}
	}
	defer rdb.Close() //nolint:errcheck // it only asked
	ctx, cancel := context.WithTimeout(ctx, ExamineTimeout)
	defer cancel()
	err = rdb.Ping(ctx).Err()
	if _, reads := redisconn.RefusesWrites(err); err != nil && !reads {
		return []Finding{f.fail(fmt.Sprintf("%s: %v", redisconn.Place(cfg.RedisURL), err), "start it, or correct SPILLWAY_REDIS_URL")}
	}
	findings := []Finding{f.ok("answers at " + redisconn.Place(cfg.RedisURL))}
	findings = append(findings, writesFindings(ctx, rdb, int(cfg.Shards))...)
	findings = append(findings, CheckPermissions(ctx, rdb, cfg)...)
	nodes, err := redisconn.Survey(ctx, rdb)
	if err != nil {
		findings = append(findings, f.warn(err.Error(), "let its user run INFO, TIME and CLUSTER INFO"))
	}
	for _, n := range nodes {
		findings = append(findings, CheckRedis(n, cfg.Durability)...)
	}
	if use := redisconn.NewMemory(rdb, cfg.RedisMemory).Use(ctx); cfg.IsFull(use) {
		findings = append(findings, Finding{Check: "redis high water"}.fail(health.MemoryDetail(use)+": new jobs are refused", health.MemoryAdvice))
	}
	queues, prefixed, err := examineQueues(ctx, rdb, cfg)
	if err != nil {
		return append(findings, prefixed)
	}
	defer queues.Close() //nolint:errcheck // it only asked
	findings = append(findings, examineWork(ctx, rdb, queues, int(cfg.Shards))...)
	findings = append(findings, prefixed, examineEgress(ctx, rdb, cfg))
	return append(findings, examineWebhooks(ctx, rdb, cfg)...)
}

// writesFindings tries whether Redis takes writes, and looks for jobs whose writes it
// has refused in part.
func writesFindings(ctx context.Context, rdb redis.UniversalClient, shards int) []Finding {
	f := Finding{Check: "redis writes"}
	cfg := store.DefaultConfig()
	cfg.Shards = shards
	jobs := store.New(rdb, cfg)
	defer jobs.Close() //nolint:errcheck // it watched nothing
	if err := jobs.Writable(ctx); err != nil {
		return []Finding{f.fail("refused, and so are new jobs: "+err.Error(), health.WriteAdvice(err))}
	}
	counted, err := jobs.Recount(ctx)
	if err != nil {
		return []Finding{f.warn("accepted, but the counters of jobs cannot be compared: "+err.Error(), "look at the log of Redis")}
	}
	return []Finding{f.warnIf(counted.Undone > 0, undoneOr(counted.Undone),
		"mend what redis permissions finds; each job's writes are tried again with its next change")}
}

func undoneOr(jobs int) string {
	if jobs == 0 {
		return "accepted"
	}
	return fmt.Sprintf("accepted now, but events, counters or queue places of %d jobs were refused and are missing", jobs)
}

// examineQueues opens the client of the queues, and judges whether they are this
// installation's alone.
func examineQueues(ctx context.Context, rdb redis.UniversalClient, cfg config.Config) (redis.UniversalClient, Finding, error) {
	f := Finding{Check: "queue prefix"}
	queues, err := redisconn.Open(cfg.RedisURL, redisconn.API)
	if err != nil {
		return nil, f.fail(err.Error(), "correct SPILLWAY_REDIS_URL"), err
	}
	cfg.QueuePrefix.Under(queues)
	if err := queue.Match(ctx, rdb, cfg.QueuePrefix); err != nil {
		return queues, f.fail(err.Error(), "set SPILLWAY_QUEUE_PREFIX to what the other processes have"), nil
	}
	if err := queue.CheckForeignTasks(ctx, queues); err != nil {
		return queues, f.fail(err.Error(), "separate the two: until then each takes the other's tasks"), nil
	}
	return queues, f.ok("no other application's tasks are in the queues"), nil
}
