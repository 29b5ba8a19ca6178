package doctor

import (
	"fmt"
	"strconv"
	"time"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/health"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// memoryWarn is the part of the memory limit above which there is a warning.
const memoryWarn = 0.8

// CheckRedis judges one server.
func CheckRedis(n redisconn.Node, wanted config.Durability) []Finding {
	at := func(check string) Finding { return Finding{Check: "redis " + n.Addr + " " + check} }
	if !n.Known {
		return []Finding{at("settings").warn("unknown: its user may not run INFO", "let it run INFO (docs/operations.md has the rule): memory, append-only file and eviction are not checked"), clockFinding(at("clock"), n.Skew)}
	}
	findings := []Finding{
		at("version").failIf(!n.AtLeast(6, 2), n.Version, "upgrade it to 6.2 or newer"),
		at("eviction").failIf(n.Policy != "" && n.Policy != "noeviction", n.Policy, "set maxmemory-policy noeviction: with any other, jobs vanish when memory runs out"),
		at("evicted keys").failIf(n.Evicted > 0, strconv.FormatInt(n.Evicted, 10), "jobs may have been lost: set maxmemory-policy noeviction, give it more memory, and restart it to reset this count"),
		at("append-only file").warnIf(!n.AOF, onOff(n.AOF), "set appendonly yes: without it a restart loses jobs"),
		at("last write to disk").failIf(n.AOFBroken, failedOr(n.AOFBroken, "good"), "look at its log and its disk: what it takes now is not kept"),
		memoryFinding(at("memory"), n),
		clockFinding(at("clock"), n.Skew),
	}
	if wanted == config.DurabilityFsync {
		findings = append(findings, at("fsync").warnIf(!n.WaitAOF, canOr(n.WaitAOF),
			"SPILLWAY_DURABILITY=fsync needs Redis 7.2 or newer with appendonly yes; without, new jobs are acknowledged before they are on disk"))
	}
	if n.Cluster {
		findings = append(findings, at("cluster").failIf(n.SlotsDown, failedOr(n.SlotsDown, "serves every slot"),
			"redis-cli --cluster check shows which slots have no master; bring it back or fail over to its replica"))
	}
	return findings
}

func memoryFinding(f Finding, n redisconn.Node) Finding {
	const mb = 1 << 20
	if n.Limit == 0 {
		return f.ok(fmt.Sprintf("%d MB used, no limit", n.Used/mb))
	}
	used := float64(n.Used) / float64(n.Limit)
	return f.warnIf(used > memoryWarn, fmt.Sprintf("%d of %d MB used", n.Used/mb, n.Limit/mb),
		health.MemoryAdvice+"; above SPILLWAY_REDIS_HIGH_WATER new jobs are refused")
}

func clockFinding(f Finding, skew time.Duration) Finding {
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
