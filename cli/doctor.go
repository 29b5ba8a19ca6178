package cli

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/ollama"
	"github.com/topcentral/spillway/providers/presets"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/agentstore"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

type doctorCommand struct{}

// Help gives an example.
func (doctorCommand) Help() string {
	return "Looks at Redis, queues, workers, providers and agents, as this machine's settings name them, and says\n" +
		"what to do about each finding. The exit code is 1 if something has failed.\n\n" +
		"Example:\n  SPILLWAY_REDIS_URL=redis://10.0.0.5:6379/0 spillway doctor"
}

// Run prints what it finds.
func (doctorCommand) Run(ctx context.Context, s streams) error {
	cfg, err := readConfig()
	if err != nil {
		return err
	}
	findings := examine(ctx, cfg)
	if failed := printFindings(s.out, findings); failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(findings))
	}
	return nil
}

// examine checks everything that the settings name.
func examine(ctx context.Context, cfg config) []finding {
	silent := slog.New(slog.DiscardHandler) // what is wrong is a finding
	redisconn.LogTo(silent)
	all, agentFinding := examineAgents(cfg, silent)
	return slices.Concat(examineSettings(cfg), proxyFinding(cfg), examineRedis(ctx, cfg), []finding{agentFinding}, examineOllama(ctx, cfg, all), examineServers(ctx, cfg), examineClouds(ctx, cfg))
}

const (
	// examineTimeout bounds how long one part may take to answer.
	examineTimeout = 5 * time.Second
	// longWait is after how long a waiting task is worth a warning.
	longWait = 10 * time.Minute
)

// examineSettings looks for variables that have no effect.
func examineSettings(cfg config) []finding {
	f := finding{check: "settings"}
	if len(cfg.Unknown) == 0 {
		return []finding{f.ok("every " + envPrefix + "_ variable is a setting")}
	}
	var findings []finding
	for _, problem := range cfg.Unknown {
		findings = append(findings, f.warn(problem, "correct the name, or unset it"))
	}
	return findings
}

// examineRedis looks at Redis, and at what it tells of queues and workers.
func examineRedis(ctx context.Context, cfg config) []finding {
	f := finding{check: "redis"}
	rdb, err := redisconn.Open(cfg.RedisURL, redisconn.API)
	if err != nil {
		return []finding{f.fail(err.Error(), "correct SPILLWAY_REDIS_URL")}
	}
	defer rdb.Close() //nolint:errcheck // it only asked
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	err = rdb.Ping(ctx).Err()
	if _, reads := redisconn.RefusesWrites(err); err != nil && !reads {
		return []finding{f.fail(fmt.Sprintf("%s: %v", redisconn.Place(cfg.RedisURL), err), "start it, or correct SPILLWAY_REDIS_URL")}
	}
	findings := []finding{f.ok("answers at " + redisconn.Place(cfg.RedisURL))}
	findings = append(findings, writesFindings(ctx, rdb, int(cfg.Shards))...)
	findings = append(findings, permissionFindings(ctx, rdb, cfg)...)
	nodes, err := redisconn.Survey(ctx, rdb)
	if err != nil {
		findings = append(findings, f.warn(err.Error(), "let its user run INFO, TIME and CLUSTER INFO"))
	}
	for _, n := range nodes {
		findings = append(findings, redisFindings(n, cfg.Durability)...)
	}
	if use := redisconn.NewMemory(rdb, cfg.RedisMemory).Use(ctx); cfg.isFull(use) {
		findings = append(findings, finding{check: "redis high water"}.fail(memoryDetail(use)+": new jobs are refused", memoryAdvice))
	}
	queues, prefixed, err := examineQueues(ctx, rdb, cfg)
	if err != nil {
		return append(findings, prefixed)
	}
	defer queues.Close() //nolint:errcheck // it only asked
	findings = append(findings, examineWork(ctx, rdb, queues, int(cfg.Shards))...)
	findings = append(findings, prefixed)
	return append(findings, examineWebhooks(ctx, rdb, cfg)...)
}

// writesFindings tries whether Redis takes writes, and looks for jobs whose writes it
// has refused in part.
func writesFindings(ctx context.Context, rdb redis.UniversalClient, shards int) []finding {
	f := finding{check: "redis writes"}
	cfg := store.DefaultConfig()
	cfg.Shards = shards
	jobs := store.New(rdb, cfg)
	defer jobs.Close() //nolint:errcheck // it watched nothing
	if err := jobs.Writable(ctx); err != nil {
		return []finding{f.fail("refused, and so are new jobs: "+err.Error(), writeAdvice(err))}
	}
	counted, err := jobs.Recount(ctx)
	if err != nil {
		return []finding{f.warn("accepted, but the counters of jobs cannot be compared: "+err.Error(), "look at the log of Redis")}
	}
	return []finding{f.warnIf(counted.Undone > 0, undoneOr(counted.Undone),
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
func examineQueues(ctx context.Context, rdb redis.UniversalClient, cfg config) (redis.UniversalClient, finding, error) {
	f := finding{check: "queue prefix"}
	queues, err := redisconn.Open(cfg.RedisURL, redisconn.API)
	if err != nil {
		return nil, f.fail(err.Error(), "correct SPILLWAY_REDIS_URL"), err
	}
	cfg.QueuePrefix.Under(queues)
	if err := queue.Match(ctx, rdb, cfg.QueuePrefix); err != nil {
		return queues, f.fail(err.Error(), "set SPILLWAY_QUEUE_PREFIX to what the other processes have"), nil
	}
	if err := queue.Strangers(ctx, queues); err != nil {
		return queues, f.fail(err.Error(), "separate the two: until then each takes the other's tasks"), nil
	}
	return queues, f.ok("no other application's tasks are in the queues"), nil
}

// examineWork looks at the workers, the queues and the jobs.
func examineWork(ctx context.Context, rdb, queues redis.UniversalClient, shards int) []finding {
	cfg := store.DefaultConfig()
	cfg.Shards = shards
	jobs := store.New(rdb, cfg)
	defer jobs.Close() //nolint:errcheck // it watched nothing
	workers, err := jobs.Workers(ctx)
	if err != nil {
		return []finding{finding{check: "workers"}.fail(err.Error(), "look at the log of Redis")}
	}
	workers = slices.DeleteFunc(workers, func(w tasks.Worker) bool { return w.Leaving })
	depths, err := queue.NewInspector(queues).Depths()
	if err != nil {
		return append(workerFindings(workers, nil), finding{check: "queues"}.fail(err.Error(), "look at the log of Redis"))
	}
	if err := countJobs(ctx, jobs, depths); err != nil {
		return append(workerFindings(workers, nil), finding{check: "queues"}.fail(err.Error(), "look at the log of Redis"))
	}
	pushed, _, err := agentstore.New(rdb).Current(ctx)
	if err != nil {
		return append(workerFindings(workers, depths), finding{check: "pushed agents"}.fail(err.Error(), "look at the log of Redis"))
	}
	var lacking []finding
	if len(workers) > 0 {
		lacking = agentFindings(agentHealth(workers, pushed))
	}
	return slices.Concat(workerFindings(workers, depths), lacking,
		queueFindings(depths, workers), []finding{jobFinding(ctx, jobs)})
}

// jobFinding counts the jobs, as a picture of the whole.
func jobFinding(ctx context.Context, jobs *store.Store) finding {
	f := finding{check: "jobs"}
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
func workerFindings(workers []tasks.Worker, depths []queue.Depth) []finding {
	if len(workers) == 0 {
		return []finding{finding{check: "workers"}.fail("none is alive", "start one with spillway worker")}
	}
	var findings []finding
	for _, w := range workers {
		var serves []string
		for _, l := range w.Serves {
			serves = append(serves, fmt.Sprintf("%s (%d of %d slots busy)", l.Lane, l.Running, l.Slots))
		}
		findings = append(findings, hostFindings(w)...)
		// It says by its own clock when it started, Redis by its own when it was
		// last heard.
		ahead := w.StartedAt.Sub(w.SeenAt)
		findings = append(findings, finding{check: "worker " + w.ID}.failIf(ahead > redisconn.SkewMax,
			strings.Join(serves, ", "), fmt.Sprintf("its clock is %s ahead of that of Redis: set it by NTP and start the worker again", providers.Span(ahead))))
	}
	for _, lane := range []tasks.Lane{tasks.Local, tasks.Cloud} {
		f, h := finding{check: "lane " + string(lane)}, laneHealth(lane, workers, depths)
		if h.Workers == 0 {
			what, do, _ := strings.Cut(noWorkerOn[lane], "; ")
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
func hostFindings(w tasks.Worker) []finding {
	if w.Host == nil {
		return nil
	}
	return []finding{finding{check: "machine of " + w.ID}.warnIf(w.Host.Full,
		fmt.Sprintf("CPU at %.0f %%, memory at %.0f %%", 100*w.Host.CPU, 100*w.Host.Memory),
		"it takes no further local job: see what else runs there, or raise SPILLWAY_HOST_CPU_LIMIT or SPILLWAY_HOST_MEMORY_LIMIT")}
}

// queueFindings judges the queues that are in use.
func queueFindings(depths []queue.Depth, workers []tasks.Worker) []finding {
	served := map[string]bool{queue.Webhooks: len(workers) > 0}
	for _, w := range workers {
		for _, l := range w.Serves {
			for _, q := range l.Queues {
				served[q] = true
			}
		}
	}
	var findings []finding
	waiting := 0
	for _, d := range depths {
		waiting += d.Waiting
		f := finding{check: "queue " + d.Queue}
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
		return []finding{finding{check: "queues"}.ok(fmt.Sprintf("%d in use, waiting jobs: %d", len(depths), waiting))}
	}
	return findings
}

// examineAgents loads the agents.
func examineAgents(cfg config, log *slog.Logger) ([]*agents.Agent, finding) {
	f := finding{check: "agents"}
	catalogue, err := agents.Open(cfg.AgentsDir, log)
	if err != nil {
		return nil, f.fail(err.Error(), "correct SPILLWAY_AGENTS_DIR, or its permissions")
	}
	if faults := catalogue.Faults(); len(faults) > 0 {
		details := make([]string, len(faults))
		for i, fault := range faults {
			details[i] = fault.Detail
		}
		return catalogue.All(), f.fail(strings.Join(details, "\n"), "correct it; \"spillway agents test DIR\" checks an agent's folder")
	}
	return catalogue.All(), f.ok(fmt.Sprintf("%d can be loaded", len(catalogue.All())))
}

// examineOllama looks at the models beside this machine.
func examineOllama(ctx context.Context, cfg config, all []*agents.Agent) []finding {
	f := finding{check: "ollama"}
	local := ollama.Config{BaseURL: cfg.OllamaURL, NumCtx: cfg.OllamaNumCtx}
	if err := local.Validate(); err != nil {
		return []finding{f.fail(err.Error(), "correct SPILLWAY_OLLAMA_…")}
	}
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	installed, err := ollama.New(local, newModelClients(cfg.LocalProxy).local).Models(ctx)
	if err != nil {
		return []finding{f.warn(fmt.Sprintf("%s: %v", cfg.OllamaURL, err), "start it, or set SPILLWAY_OLLAMA_URL; without it there is no local lane on this machine")}
	}
	findings := []finding{f.ok(fmt.Sprintf("answers at %s with %s", cfg.OllamaURL, number(len(installed), "model")))}
	missing := map[string][]string{} // model → agents
	for _, a := range all {
		for _, model := range a.Models.Local {
			if !slices.ContainsFunc(installed, func(m providers.Model) bool { return m.Name == model }) {
				missing[model] = append(missing[model], a.ID)
			}
		}
	}
	for model, agents := range missing {
		findings = append(findings, finding{check: "model " + model}.warn("not installed; it is the model of "+strings.Join(agents, ", "), "ollama pull "+model))
	}
	slices.SortStableFunc(findings[1:], func(a, b finding) int { return strings.Compare(a.check, b.check) })
	return findings
}

// examineServers asks each local server for its models.
func examineServers(ctx context.Context, cfg config) []finding {
	var findings []finding
	for _, k := range cfg.Servers {
		f := finding{check: "server " + k.preset.Name}
		p, err := providerOf(k, cfg)
		if err != nil {
			findings = append(findings, f.fail(err.Error(), "correct its settings"))
			continue
		}
		if models, err := modelsOf(ctx, p); err != nil {
			findings = append(findings, f.warn(err.Error(), advice(k, err)))
		} else {
			findings = append(findings, found(k, f, models))
		}
	}
	return findings
}

// examineClouds asks each cloud whether it takes its key.
func examineClouds(ctx context.Context, cfg config) []finding {
	if len(cfg.Clouds) == 0 {
		var names []string
		for _, p := range presets.Clouds() {
			names = append(names, p.KeyEnv)
		}
		return []finding{finding{check: "clouds"}.warn("no key is set", "set one of "+strings.Join(names, ", ")+"; without any there is no cloud lane on this machine")}
	}
	var findings []finding
	for _, k := range cfg.Clouds {
		findings = append(findings, examineCloud(ctx, cfg, k))
	}
	return findings
}

func examineCloud(ctx context.Context, cfg config, k cloudKey) finding {
	f := finding{check: "cloud " + k.preset.Name}
	p, err := providerOf(k, cfg)
	if err != nil {
		return f.fail(err.Error(), "correct "+cloudEnv(k.preset, "URL"))
	}
	if isUnlisted(k) {
		return f.ok("has a key, which its API lets nobody check without a paid call")
	}
	models, err := modelsOf(ctx, p)
	switch providers.ClassOf(err) {
	case "":
		return f.ok("takes its key, and has " + number(len(models), "model"))
	case providers.ClassAuthDead, providers.ClassQuotaDead:
		return f.fail(err.Error(), advice(k, err))
	default:
		return f.warn(err.Error(), advice(k, err)+"; workers ask again by themselves")
	}
}
