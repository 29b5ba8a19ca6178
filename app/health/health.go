// Package health reports how the parts of an installation are: Redis, queues,
// lanes, agents and providers, and what to do about each that fails.
package health

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
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

// Reporter reports the health of an installation as one of its processes sees it.
type Reporter struct {
	Store  *store.Store
	Queues redis.UniversalClient
	Memory func(ctx context.Context) (detail string, full bool)
	Clock  *redisconn.ClockWatch
	Pushed *agentstore.Store
	Agents *agents.Catalogue
	Log    *slog.Logger
}

// Report returns the health of every part. New jobs are accepted as long as Redis
// takes writes: a lane without a worker only makes them wait, or spill.
func (s Reporter) Report(ctx context.Context) api.Health {
	h := api.Health{Status: api.HealthOK, Redis: api.RedisHealth{Status: api.HealthOK}, Queues: []api.QueueHealth{}, Lanes: []api.LaneHealth{}}
	workers, err := s.Store.Workers(ctx)
	if err != nil {
		h.Status = api.HealthUnavailable
		h.Redis = api.RedisHealth{Status: api.HealthUnavailable, Detail: "Redis does not answer; new jobs are refused until it does"}
		return h
	}
	refused := s.Store.Writable(ctx)
	if err := refused; err != nil {
		h.Redis = api.RedisHealth{Status: api.HealthDegraded, Detail: "Redis answers but refuses writes: " + WriteAdvice(err) + "; reads go on, new jobs are refused"}
		s.Log.WarnContext(ctx, "Redis refuses writes", "error", err, "do", WriteAdvice(err))
		h.Status = api.HealthUnavailable
	}
	if detail, full := s.Memory(ctx); full && h.Redis.Status == api.HealthOK {
		h.Redis = api.RedisHealth{Status: api.HealthDegraded, Detail: detail + ", above SPILLWAY_REDIS_HIGH_WATER: new jobs are refused, the rest goes on; " + MemoryAdvice}
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
	if err := CountJobs(ctx, s.Store, depths); err != nil {
		s.Log.WarnContext(ctx, "waiting jobs cannot be counted", "error", err)
		h.Redis = api.RedisHealth{Status: api.HealthDegraded, Detail: "the waiting jobs cannot be counted"}
	}
	for _, lane := range tasks.Lanes() {
		l := OfLane(lane, workers, depths)
		if refused != nil && len(workers) == 0 {
			l.Detail = "unknown: Redis refuses writes, and so the heartbeats of workers"
		}
		h.Lanes = append(h.Lanes, l)
	}
	for _, d := range depths {
		h.Queues = append(h.Queues, ofQueue(d))
	}
	pushed, _, err := s.Pushed.Current(ctx)
	if err != nil {
		s.Log.WarnContext(ctx, "pushed agents cannot be read", "error", err)
	}
	here := tasks.Worker{ID: ThisProcess, Agents: s.Agents.Versions(), AgentFaults: s.Agents.Faults()}
	h.Agents = OfAgents(append([]tasks.Worker{here}, workers...), pushed)
	h.Providers = OfProviders(workers)
	if h.Status == api.HealthOK && (len(workers) == 0 || unwell(h) || anyCutOff(workers)) {
		h.Status = api.HealthDegraded
	}
	return h
}

// anyCutOff reports whether a lane cannot answer for want of a provider that somebody
// relies on.
func anyCutOff(workers []tasks.Worker) bool {
	return slices.ContainsFunc(tasks.Lanes(), func(l tasks.Lane) bool { return len(cutOff(l, workers)) > 0 })
}

// unwell reports whether a part is not as it should be.
func unwell(h api.Health) bool {
	return h.Redis.Status != api.HealthOK ||
		slices.ContainsFunc(h.Queues, func(q api.QueueHealth) bool { return q.Status != api.HealthOK }) ||
		slices.ContainsFunc(h.Agents, func(a api.AgentHealth) bool { return a.Status != api.HealthOK }) ||
		slices.ContainsFunc(h.Providers, needsAPerson) || slices.ContainsFunc(h.Lanes, isStalled)
}
