package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/app/health"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agentstore"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// circuitFindings judges the candidates that are left alone.
func circuitFindings(workers []tasks.Worker, now time.Time) []Finding {
	var findings []Finding
	for _, h := range health.OfProviders(workers) {
		f := Finding{Check: "provider " + h.Candidate}
		if !strings.Contains(h.Candidate, "/") { // the finding of its lane says whether that is bad
			findings = append(findings, f.warn(fmt.Sprintf("%s cannot list its models (%s), since %s ago", number(h.Workers, "worker"), h.Reason, providers.Span(now.Sub(h.Since))), h.Detail))
			continue
		}
		what := fmt.Sprintf("%s stopped calling it after %s, %s ago", number(h.Workers, "worker"), h.Reason, providers.Span(now.Sub(h.Since)))
		if h.Status == api.HealthUnavailable {
			findings = append(findings, f.fail(what, h.Detail))
			continue
		}
		findings = append(findings, f.warn(what, h.Detail))
	}
	return findings
}

// examineWork looks at the workers, the queues and the jobs.
func examineWork(ctx context.Context, rdb, queues redis.UniversalClient, shards int) []Finding {
	cfg := store.DefaultConfig()
	cfg.Shards = shards
	jobs := store.New(rdb, cfg)
	defer jobs.Close() //nolint:errcheck // it watched nothing
	workers, err := jobs.Workers(ctx)
	if err != nil {
		return []Finding{Finding{Check: "workers"}.fail(err.Error(), "look at the log of Redis")}
	}
	workers = slices.DeleteFunc(workers, func(w tasks.Worker) bool { return w.Leaving })
	if refused := jobs.Writable(ctx); refused != nil && len(workers) == 0 {
		return []Finding{unknownWorkers(refused)}
	}
	depths, err := queue.NewInspector(queues).Depths()
	if err != nil {
		return append(workerFindings(workers, nil), Finding{Check: "queues"}.fail(err.Error(), "look at the log of Redis"))
	}
	if err := health.CountJobs(ctx, jobs, depths); err != nil {
		return append(workerFindings(workers, nil), Finding{Check: "queues"}.fail(err.Error(), "look at the log of Redis"))
	}
	pushed, _, err := agentstore.New(rdb).Current(ctx)
	if err != nil {
		return append(workerFindings(workers, depths), Finding{Check: "pushed agents"}.fail(err.Error(), "look at the log of Redis"))
	}
	var lacking []Finding
	if len(workers) > 0 {
		lacking = agentFindings(health.OfAgents(workers, pushed))
	}
	return slices.Concat(workerFindings(workers, depths), lacking,
		queueFindings(depths, workers), []Finding{jobFinding(ctx, jobs)})
}

// unknownWorkers is the finding where no heartbeat can be written.
func unknownWorkers(refused error) Finding {
	return Finding{Check: "workers"}.warn("unknown: Redis refuses writes, and so the heartbeats of workers", health.WriteAdvice(refused))
}

// jobFinding counts the jobs, as a picture of the whole.
func jobFinding(ctx context.Context, jobs *store.Store) Finding {
	f := Finding{Check: "jobs"}
	n, err := jobs.Counters(ctx)
	if err != nil {
		return f.fail(err.Error(), "look at the log of Redis")
	}
	return f.ok(fmt.Sprintf("%d scheduled, %d queued, %d running; so far %d succeeded (%d by scorecard, %d by fast path, %d from the cache, which spared %d tokens and $%s), %d failed, %d canceled",
		n["now:scheduled"], n["now:queued"], n["now:running"],
		n["total:succeeded"], n["total:degraded"], n["total:fast_path"], n["total:cache"], n["saved:tokens"], tasks.Money(n["saved:picodollars"]),
		n["total:failed"], n["total:canceled"]))
}

// workerFindings judges the live workers, and what waits for them.
func workerFindings(workers []tasks.Worker, depths []queue.Depth) []Finding {
	if len(workers) == 0 {
		return []Finding{Finding{Check: "workers"}.fail("none is alive", "start one with spillway worker")}
	}
	var findings []Finding
	for _, w := range workers {
		var serves []string
		for _, l := range w.Serves {
			serves = append(serves, fmt.Sprintf("%s (%d of %d slots busy)", l.Lane, l.Running, l.Slots))
		}
		findings = append(findings, hostFindings(w)...)
		// It says by its own clock when it started, Redis by its own when it was
		// last heard.
		ahead := w.StartedAt.Sub(w.SeenAt)
		findings = append(findings, Finding{Check: "worker " + w.ID}.failIf(ahead > redisconn.SkewMax,
			strings.Join(serves, ", "), fmt.Sprintf("its clock is %s ahead of that of Redis: set it by NTP and start the worker again", providers.Span(ahead))))
	}
	for _, lane := range []tasks.Lane{tasks.Local, tasks.Cloud} {
		f, h := Finding{Check: "lane " + string(lane)}, health.OfLane(lane, workers, depths)
		if h.Workers == 0 {
			what, do, _ := strings.Cut(h.Detail, "; ")
			findings = append(findings, f.warn(what, do))
			continue
		}
		if h.Status != api.HealthOK {
			findings = append(findings, f.fail(h.Detail, "see the findings about providers"))
			continue
		}
		findings = append(findings, f.ok(fmt.Sprintf("load %.2f: jobs that run or wait, divided by the slots", h.Load)))
	}
	return append(findings, circuitFindings(workers, time.Now())...)
}

// hostFindings judges how busy the machine of a worker is, if it was measured.
func hostFindings(w tasks.Worker) []Finding {
	if w.Host == nil {
		return nil
	}
	return []Finding{Finding{Check: "machine of " + w.ID}.warnIf(w.Host.Full,
		fmt.Sprintf("CPU at %.0f %%, memory at %.0f %%", 100*w.Host.CPU, 100*w.Host.Memory),
		"it takes no further local job: see what else runs there, or raise SPILLWAY_HOST_CPU_LIMIT or SPILLWAY_HOST_MEMORY_LIMIT")}
}

// queueFindings judges the queues that are in use.
func queueFindings(depths []queue.Depth, workers []tasks.Worker) []Finding {
	served := map[string]bool{queue.Webhooks: len(workers) > 0}
	for _, w := range workers {
		for _, l := range w.Serves {
			for _, q := range l.Queues {
				served[q] = true
			}
		}
	}
	var findings []Finding
	waiting := 0
	for _, d := range depths {
		waiting += d.Waiting
		f := Finding{Check: "queue " + d.Queue}
		if d.Paused {
			findings = append(findings, f.warn("it is paused", fmt.Sprintf("resume it on the dashboard, or delete the key asynq:{%s}:paused, behind SPILLWAY_QUEUE_PREFIX and a colon if that is set", d.Queue)))
		}
		if d.Dead > 0 {
			findings = append(findings, f.warn(number(d.Dead, "task")+" given up", "the dashboard shows why, among the archived tasks"))
		}
		if d.Waiting > 0 && !served[d.Queue] {
			findings = append(findings, f.warn(fmt.Sprintf("%s, and no live worker serves it", number(d.Waiting, "job")+map[bool]string{true: " waits", false: " wait"}[d.Waiting == 1]), "start a worker that reaches models for it; jobs with another lane spill"))
		} else if d.Oldest > longWait {
			findings = append(findings, f.warn(fmt.Sprintf("the oldest of %s has waited for %s", number(d.Waiting, "job"), providers.Span(d.Oldest)), "add workers, or slots (SPILLWAY_LOCAL_SLOTS, SPILLWAY_CLOUD_SLOTS)"))
		}
	}
	if len(findings) == 0 {
		return []Finding{Finding{Check: "queues"}.ok(fmt.Sprintf("%d in use, waiting jobs: %d", len(depths), waiting))}
	}
	return findings
}
