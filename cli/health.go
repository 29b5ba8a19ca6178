package cli

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/agentstore"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// reporter reports the health of an installation as one of its processes sees it.
type reporter struct {
	Store  *store.Store
	Queues redis.UniversalClient
	Memory func(ctx context.Context) (detail string, full bool)
	Clock  *redisconn.ClockWatch
	Pushed *agentstore.Store
	Agents *agents.Catalogue
	Log    *slog.Logger
}

// report returns the health of every part. New jobs are accepted as long as Redis
// takes writes: a lane without a worker only makes them wait, or spill.
func (s reporter) report(ctx context.Context) api.Health {
	h := api.Health{Status: api.HealthOK, Redis: api.RedisHealth{Status: api.HealthOK}, Queues: []api.QueueHealth{}, Lanes: []api.LaneHealth{}}
	workers, err := s.Store.Workers(ctx)
	if err != nil {
		h.Status = api.HealthUnavailable
		h.Redis = api.RedisHealth{Status: api.HealthUnavailable, Detail: "Redis does not answer; new jobs are refused until it does"}
		return h
	}
	if err := s.Store.Writable(ctx); err != nil {
		h.Redis = api.RedisHealth{Status: api.HealthDegraded, Detail: "Redis answers and takes no writes: " + writeAdvice(err) + "; reads go on, new jobs are refused"}
		s.Log.WarnContext(ctx, "Redis takes no writes", "error", err, "do", writeAdvice(err))
		h.Status = api.HealthUnavailable
	}
	if detail, full := s.Memory(ctx); full && h.Redis.Status == api.HealthOK {
		h.Redis = api.RedisHealth{Status: api.HealthDegraded, Detail: detail + ", above SPILLWAY_REDIS_HIGH_WATER: new jobs are refused, the rest goes on; " + memoryAdvice}
		h.Status = api.HealthUnavailable
	}
	if by, at, jumped := s.Clock.Jump(); jumped && h.Redis.Status == api.HealthOK {
		h.Redis = api.RedisHealth{Status: api.HealthDegraded, Detail: fmt.Sprintf("the clock of Redis jumped by %v at %s: leases, deadlines and retentions follow it; look at NTP on its machine", by.Round(time.Second), at.UTC().Format(time.RFC3339))}
	}
	workers = slices.DeleteFunc(workers, func(w tasks.Worker) bool { return w.Leaving })
	depths, err := queue.NewInspector(s.Queues).Depths()
	if err != nil {
		s.Log.WarnContext(ctx, "queues cannot be inspected", "error", err)
		if h.Redis.Status == api.HealthOK {
			h.Redis = api.RedisHealth{Status: api.HealthDegraded, Detail: "the queues cannot be inspected"}
		}
	}
	if err := countJobs(ctx, s.Store, depths); err != nil {
		s.Log.WarnContext(ctx, "waiting jobs cannot be counted", "error", err)
		h.Redis = api.RedisHealth{Status: api.HealthDegraded, Detail: "the waiting jobs cannot be counted"}
	}
	for _, lane := range tasks.Lanes() {
		h.Lanes = append(h.Lanes, laneHealth(lane, workers, depths))
	}
	for _, d := range depths {
		h.Queues = append(h.Queues, queueHealth(d))
	}
	pushed, _, err := s.Pushed.Current(ctx)
	if err != nil {
		s.Log.WarnContext(ctx, "pushed agents cannot be read", "error", err)
	}
	here := tasks.Worker{ID: thisProcess, Agents: s.Agents.Versions(), AgentFaults: s.Agents.Faults()}
	h.Agents = agentHealth(append([]tasks.Worker{here}, workers...), pushed)
	h.Providers = providerHealth(workers)
	if h.Status == api.HealthOK && (len(workers) == 0 || unwell(h)) {
		h.Status = api.HealthDegraded
	}
	return h
}

// unwell reports whether a part is not as it should be.
func unwell(h api.Health) bool {
	return h.Redis.Status != api.HealthOK ||
		slices.ContainsFunc(h.Queues, func(q api.QueueHealth) bool { return q.Status != api.HealthOK }) ||
		slices.ContainsFunc(h.Agents, func(a api.AgentHealth) bool { return a.Status != api.HealthOK }) ||
		slices.ContainsFunc(h.Providers, needsAPerson) || slices.ContainsFunc(h.Lanes, isStalled)
}

// countJobs replaces what waits in the queues of jobs, and for how long, by the jobs
// that wait there: a queue's tickets outlive jobs that another lane has run.
func countJobs(ctx context.Context, jobs *store.Store, depths []queue.Depth) error {
	queued, err := jobs.Queued(ctx, store.JobQueues())
	if err != nil {
		return err
	}
	for i := range depths {
		d := &depths[i]
		if d.Queue == queue.Webhooks {
			continue
		}
		d.Waiting, d.Oldest = 0, 0
		for name, q := range queued {
			if name == d.Queue || d.Queue == string(tasks.Scorecard) && strings.HasPrefix(name, d.Queue+".") {
				d.Waiting, d.Oldest = d.Waiting+q.Jobs, max(d.Oldest, q.Oldest)
			}
		}
	}
	return nil
}

// writeAdvice says what to do about an error of Writable.
func writeAdvice(err error) string {
	if advice, ok := redisconn.RefusesWrites(err); ok {
		return advice
	}
	return "look at the log of Redis, and at its user's permissions (docs/operations.md)"
}

// laneHealth sums up the workers of a lane and what waits in its queues.
func laneHealth(lane tasks.Lane, workers []tasks.Worker, depths []queue.Depth) api.LaneHealth {
	h := api.LaneHealth{Lane: lane, Status: api.HealthOK, Models: []string{}}
	for _, w := range workers {
		for _, s := range w.Serves {
			if s.Lane == lane {
				h.Workers++
				h.Slots += s.Slots
				h.Running += s.Running
				if lane == tasks.Local && w.Host != nil && w.Host.Full {
					h.Full++
				}
				h.Models = append(h.Models, s.Models...)
			}
		}
	}
	slices.Sort(h.Models)
	h.Models = slices.Compact(h.Models)
	h.Load = load(h.Running, lane, depths, h.Slots)
	if h.Full > 0 {
		h.Detail = "the machines of some workers are above SPILLWAY_HOST_CPU_LIMIT or SPILLWAY_HOST_MEMORY_LIMIT, so that they take no further job"
	}
	if withoutCandidates(lane, workers) {
		h.Status = api.HealthUnavailable
		h.Detail = "its workers leave every model alone, since each has failed; see providers"
	}
	if h.Workers == 0 {
		h.Status = api.HealthUnavailable
		h.Detail = noWorkerOn[lane]
	}
	return h
}

// load is the share of a lane's slots that jobs take or wait for; it may be above 1.
func load(running int, lane tasks.Lane, depths []queue.Depth, slots int) float64 {
	if slots == 0 {
		return 0
	}
	queues := queue.Names(lane)
	for _, d := range depths {
		if slices.Contains(queues, d.Queue) {
			running += d.Waiting
		}
	}
	return math.Round(100*float64(running)/float64(slots)) / 100
}

var noWorkerOn = map[tasks.Lane]string{
	tasks.Local:     "no worker reaches a local model; start Ollama and a worker with --lane local",
	tasks.Cloud:     "no worker reaches a cloud API; set a key and start a worker with --lane cloud",
	tasks.Scorecard: "no worker is alive; start one with spillway worker",
}

func queueHealth(d queue.Depth) api.QueueHealth {
	h := api.QueueHealth{
		Name: d.Queue, Status: api.HealthOK, Waiting: d.Waiting, Running: d.Taken, OldestSeconds: d.Oldest.Seconds(),
	}
	switch {
	case d.Paused:
		h.Status, h.Detail = api.HealthDegraded, "the queue is paused"
	case d.Dead > 0:
		h.Detail = fmt.Sprintf("tasks given up: %d; see the dashboard", d.Dead)
	}
	return h
}
