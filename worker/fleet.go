package worker

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/queue"
)

// Fleet knows the providers of this worker, and which of their models can be
// reached now. It is safe for concurrent use.
type Fleet struct {
	local     []providers.Provider
	cloud     []CloudProvider
	scorecard providers.Provider
	agents    *agents.Catalogue
	standIn   bool
	log       *slog.Logger

	mu        sync.RWMutex
	reachable map[string][]providers.Model // by provider name; nil: it did not answer
	missed    map[string]int               // by provider name: looks in a row that it did not answer
}

// CloudProvider is a cloud API and the model it is asked for by default.
type CloudProvider struct {
	providers.Provider
	Model string
}

// FleetConfig names the providers of a worker.
type FleetConfig struct {
	Local     []providers.Provider // beside the worker, e.g. Ollama
	Cloud     []CloudProvider
	Scorecard providers.Provider
	// StandIn lets another local model answer where an agent's own is not
	// installed.
	StandIn bool
}

// NewFleet returns a Fleet that reaches nothing until it is refreshed.
func NewFleet(cfg FleetConfig, catalogue *agents.Catalogue, log *slog.Logger) *Fleet {
	return &Fleet{
		local: cfg.Local, cloud: cfg.Cloud, scorecard: cfg.Scorecard, standIn: cfg.StandIn,
		agents: catalogue, log: log, reachable: map[string][]providers.Model{}, missed: map[string]int{},
	}
}

// probeTimeout bounds how long a provider may take to name its models.
const probeTimeout = 5 * time.Second

// Refresh asks every provider which models it has.
func (f *Fleet) Refresh(ctx context.Context) {
	var wg sync.WaitGroup
	for _, p := range f.local {
		wg.Go(func() { f.probe(ctx, p) })
	}
	for _, p := range f.cloud {
		wg.Go(func() { f.probe(ctx, p) })
	}
	wg.Wait()
}

func (f *Fleet) probe(ctx context.Context, p providers.Provider) {
	limited, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	models, err := p.Models(limited)
	if ctx.Err() != nil {
		return // the worker ends, which says nothing of the provider
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	before, known := f.reachable[p.Name()]
	if err == nil {
		f.reachable[p.Name()] = append([]providers.Model{}, models...) // never nil
		delete(f.missed, p.Name())
		if before == nil {
			f.log.Info("provider can be reached", "provider", p.Name(), "models", len(models))
		}
		return
	}
	f.missed[p.Name()]++
	if before != nil && f.missed[p.Name()] < 2 {
		return // once may be a hiccup, such as a large model being loaded
	}
	f.reachable[p.Name()] = nil
	if before != nil || !known {
		f.log.Warn("provider cannot be reached", "provider", p.Name(), "error", err)
	}
}

// Doubt notes that a provider has just failed as a whole: if it does not answer
// the next look either, it cannot be reached.
func (f *Fleet) Doubt(provider string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.missed[provider] = max(f.missed[provider], 1)
}

// NextLook is how long until the providers should be asked again, where the
// usual time is every: sooner while one has only begun not to answer, since it
// may be starting.
func (f *Fleet) NextLook(every time.Duration) time.Duration {
	f.mu.RLock()
	defer f.mu.RUnlock()
	next := every
	for _, n := range f.missed {
		next = min(next, every>>max(0, 5-n))
	}
	return next
}

// Candidates lists who may answer for an agent on a lane, in order.
func (f *Fleet) Candidates(lane tasks.Lane, agent *agents.Agent, c tasks.Complexity) []providers.Candidate {
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch lane {
	case tasks.Local:
		return f.localCandidates(agent)
	case tasks.Cloud:
		return f.cloudCandidates(agent, c)
	case tasks.Scorecard:
		return []providers.Candidate{{Provider: f.scorecard, Model: "rules"}}
	}
	return nil
}

// localCandidates are the agent's own models that are installed, best first;
// where there is none, one that stands in.
func (f *Fleet) localCandidates(agent *agents.Agent) []providers.Candidate {
	var found []providers.Candidate
	for _, want := range agent.Models.Local {
		for _, p := range f.local {
			if slices.ContainsFunc(f.reachable[p.Name()], func(m providers.Model) bool { return m.Name == want }) {
				found = append(found, providers.Candidate{Provider: p, Model: want})
			}
		}
	}
	if len(found) > 0 || !f.standIn {
		return found
	}
	for _, p := range f.local {
		if m, ok := standIn(f.reachable[p.Name()]); ok {
			return []providers.Candidate{{Provider: p, Model: m.Name}}
		}
	}
	return nil
}

// standIn picks the largest model that writes text.
func standIn(models []providers.Model) (providers.Model, bool) {
	writers := slices.DeleteFunc(slices.Clone(models), func(m providers.Model) bool { return m.Embedding })
	if len(writers) == 0 {
		return providers.Model{}, false
	}
	return slices.MaxFunc(writers, func(a, b providers.Model) int {
		return cmp.Or(cmp.Compare(a.Parameters, b.Parameters), -cmp.Compare(a.Name, b.Name))
	}), true
}

// preference is who is asked first on the cloud lane; the others follow in the
// order of fallbacks.
var (
	preference = map[tasks.Complexity]string{
		tasks.Extreme: "deepseek", tasks.High: "kimi", tasks.Medium: "minimax", tasks.Low: "minimax",
	}
	fallbacks = []string{"deepseek", "minimax", "kimi"}
)

// cloudCandidates are the clouds that answer, each with the agent's model for
// it or its default.
func (f *Fleet) cloudCandidates(agent *agents.Agent, c tasks.Complexity) []providers.Candidate {
	rank := func(p CloudProvider) int {
		if p.Name() == preference[c] {
			return -1
		}
		if i := slices.Index(fallbacks, p.Name()); i >= 0 {
			return i
		}
		return len(fallbacks)
	}
	var found []providers.Candidate
	for _, p := range slices.SortedStableFunc(slices.Values(f.cloud), func(a, b CloudProvider) int { return cmp.Compare(rank(a), rank(b)) }) {
		if f.reachable[p.Name()] != nil {
			found = append(found, providers.Candidate{Provider: p.Provider, Model: cmp.Or(agent.Models.Cloud[p.Name()], p.Model)})
		}
	}
	return found
}

// Queues lists the queues of a lane for which a candidate can be reached,
// shortest jobs first.
func (f *Fleet) Queues(lane tasks.Lane) []string {
	var queues []string
	for _, c := range tasks.Complexities() {
		if f.canServe(lane, c) {
			queues = append(queues, queue.Name(lane, c))
		}
	}
	return queues
}

// canServe reports whether some agent has a candidate for jobs of this
// complexity on this lane. A complexity that no agent has by itself may still
// be asked for, of any agent.
func (f *Fleet) canServe(lane tasks.Lane, c tasks.Complexity) bool {
	all := f.agents.All()
	own := slices.DeleteFunc(slices.Clone(all), func(a *agents.Agent) bool { return a.Complexity != c })
	if len(own) == 0 {
		own = all
	}
	return slices.ContainsFunc(own, func(a *agents.Agent) bool { return len(f.Candidates(lane, a, c)) > 0 })
}

// Models lists the candidates that can be reached on a lane, sorted.
func (f *Fleet) Models(lane tasks.Lane) []string {
	seen := map[string]bool{}
	for _, a := range f.agents.All() {
		for _, c := range f.Candidates(lane, a, a.Complexity) {
			seen[c.String()] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
