package cli

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// connect opens the Redis that the settings name, for a process of this role.
// It refuses one that does not answer within wait, or whose clock is too far from this
// machine's, and logs what else is wrong. c learns how to undo it.
//
// If not every server can tell when a write is on disk, cfg no longer asks for
// it.
func connect(ctx context.Context, cfg *config, role redisconn.Role, wait time.Duration, c *cleanup, log *slog.Logger) (redis.UniversalClient, error) {
	redisconn.LogTo(log)
	servers, err := redisconn.Open(cfg.RedisURL, role)
	if err != nil {
		return nil, fmt.Errorf("SPILLWAY_REDIS_URL: %w", err)
	}
	rdb := redisconn.Gather(servers)
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
		log.WarnContext(ctx, "this machine's clock and that of Redis differ; set both by NTP", "ahead", skew)
	}
	nodes, err := redisconn.Survey(ctx, servers)
	if err != nil {
		log.WarnContext(ctx, "Redis does not tell its settings; they are not checked", "error", err)
	}
	for _, f := range permissionFindings(ctx, servers, *cfg) {
		if f.level != levelOK {
			log.ErrorContext(ctx, "the Redis user lacks permissions", "found", f.what, "do", f.do)
		}
	}
	for _, n := range nodes {
		for _, f := range redisFindings(n, cfg.Durability) {
			if f.level != levelOK {
				log.WarnContext(ctx, "Redis is not as it should be", "check", f.check, "found", f.what, "do", f.do)
			}
		}
	}
	if err != nil || slices.ContainsFunc(nodes, func(n redisconn.Node) bool { return !n.WaitAOF }) {
		cfg.Durability = durabilityDefault
	}
	return rdb, nil
}

// connectQueues returns the client of the queues: rdb, or where they have a prefix
// another of the same Redis. It makes sure that no other application's tasks are
// in them, and that all processes use the same prefix.
func connectQueues(ctx context.Context, cfg config, role redisconn.Role, rdb redis.UniversalClient, c *cleanup, log *slog.Logger) (redis.UniversalClient, error) {
	queues := rdb
	if cfg.QueuePrefix != "" {
		servers, err := redisconn.Open(cfg.RedisURL, role)
		if err != nil {
			return nil, fmt.Errorf("SPILLWAY_REDIS_URL: %w", err)
		}
		queues = redisconn.Gather(cfg.QueuePrefix.Under(servers))
		c.add("Redis connections of the queues", queues.Close)
		if role == redisconn.API {
			c.add("Redis gate of the queues", redisconn.NewGate(servers, log).Close)
		}
	}
	if err := queue.Claim(ctx, rdb, cfg.QueuePrefix); err != nil {
		return nil, err
	}
	return queues, queue.Strangers(ctx, queues)
}

// memoryAdvice says what to do when Redis is nearly full.
const memoryAdvice = "raise maxmemory, keep ended jobs for a shorter time (SPILLWAY_RETENTION), or bound what tenants keep (SPILLWAY_KEPT_BYTES)"

// memoryWarn is the part of the memory limit above which there is a warning.
const memoryWarn = 0.8

// redisFindings judges one server.
func redisFindings(n redisconn.Node, wanted durability) []finding {
	at := func(check string) finding { return finding{check: "redis " + n.Addr + " " + check} }
	if !n.Known {
		return []finding{at("settings").warn("unknown: its user may not run INFO", "let it run INFO (docs/operations.md has the rule): memory, append-only file and eviction are not checked"), clockFinding(at("clock"), n.Skew)}
	}
	findings := []finding{
		at("version").failIf(!n.AtLeast(6, 2), n.Version, "upgrade it to 6.2 or newer"),
		at("eviction").failIf(n.Policy != "" && n.Policy != "noeviction", n.Policy, "set maxmemory-policy noeviction: with any other, jobs vanish when memory runs out"),
		at("evicted keys").failIf(n.Evicted > 0, strconv.FormatInt(n.Evicted, 10), "jobs may have been lost: set maxmemory-policy noeviction, give it more memory, and restart it to reset this count"),
		at("append-only file").warnIf(!n.AOF, onOff(n.AOF), "set appendonly yes: without it a restart loses jobs"),
		at("last write to disk").failIf(n.AOFBroken, failedOr(n.AOFBroken, "good"), "look at its log and its disk: what it takes now is not kept"),
		memoryFinding(at("memory"), n),
		clockFinding(at("clock"), n.Skew),
	}
	if wanted == durabilityFsync {
		findings = append(findings, at("fsync").warnIf(!n.WaitAOF, canOr(n.WaitAOF),
			"SPILLWAY_DURABILITY=fsync needs Redis 7.2 or newer with appendonly yes; without, new jobs are acknowledged before they are on disk"))
	}
	if n.Cluster {
		findings = append(findings, at("cluster").failIf(n.SlotsDown, failedOr(n.SlotsDown, "serves every slot"),
			"redis-cli --cluster check tells which slots have no master; bring it back or fail over to its replica"))
	}
	return findings
}

func memoryFinding(f finding, n redisconn.Node) finding {
	const mb = 1 << 20
	if n.Limit == 0 {
		return f.ok(fmt.Sprintf("%d MB used, no limit", n.Used/mb))
	}
	used := float64(n.Used) / float64(n.Limit)
	return f.warnIf(used > memoryWarn, fmt.Sprintf("%d of %d MB used", n.Used/mb, n.Limit/mb),
		memoryAdvice+"; above SPILLWAY_REDIS_HIGH_WATER new jobs are refused")
}

func clockFinding(f finding, skew time.Duration) finding {
	what := providers.Span(skew.Abs()) + " apart from this machine's"
	const do = "set both clocks by NTP; above 5 s no process starts"
	if skew.Abs() > redisconn.SkewMax {
		return f.fail(what, do)
	}
	return f.warnIf(skew.Abs() > redisconn.SkewWarn, what, do)
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func canOr(can bool) string {
	if can {
		return "can be waited for"
	}
	return "cannot be waited for"
}

func failedOr(failed bool, good string) string {
	if failed {
		return "failed"
	}
	return good
}
