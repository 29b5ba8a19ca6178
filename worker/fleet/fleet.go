// Package fleet holds the providers of a worker: which of their models can be
// reached, which candidates may answer a job, and why one cannot be asked.
//
// [Fleet.Watch] probes each provider in a loop of its own (probe.go); [Fleet.Reach] and
// [Fleet.Candidates] answer from what the probes found (reach.go).
package fleet

import (
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// Fleet is the providers of this worker and those of their models that can be
// reached now. It is safe for concurrent use.
type Fleet struct {
	local     []providers.Provider
	cloud     []CloudProvider
	scorecard providers.Provider
	agents    *agents.Catalogue
	standIn   bool
	usual     string
	order     agents.CloudOrder
	prefer    map[string]string
	bounds    func(provider, model string) (context, thinking int)
	log       *slog.Logger

	mu    sync.RWMutex
	known map[string]*state           // by provider name; the map never changes
	since time.Time                   // of the first probe
	reach map[tasks.Lane]agents.Reach // as of the last Update
}

// CloudProvider is a cloud API and the model it is asked for by default.
type CloudProvider struct {
	providers.Provider
	Model  string
	Tariff func(model string) providers.Tariff // what a model costs; nil, or a nil result, if not known
}

// tariff returns what a model costs, nil when that is not known.
func (p CloudProvider) tariff(model string) providers.Tariff {
	if p.Tariff == nil {
		return nil
	}
	return p.Tariff(model)
}

// Config names the providers of a worker.
type Config struct {
	Local     []providers.Provider // beside the worker, e.g. Ollama
	Cloud     []CloudProvider
	Scorecard providers.Provider
	// StandIn lets another local model answer where an agent's own is not
	// installed.
	StandIn bool
	// Usual is the local provider that every worker looks for, though its settings
	// do not name it; "" if there is none.
	Usual  string
	Order  agents.CloudOrder // of the cloud providers, where it is not the usual one
	Prefer map[string]string // by local provider: its model that stands in before its largest
	// Bounds returns how many tokens of prompt and answer a model accepts, 0 if not
	// known, and how many of them may be thinking; nil if none is known.
	Bounds func(provider, model string) (context, thinking int)
}

// New returns a Fleet that reaches nothing until it is refreshed.
func New(cfg Config, catalogue *agents.Catalogue, log *slog.Logger) *Fleet {
	if cfg.Bounds == nil {
		cfg.Bounds = func(string, string) (int, int) { return 0, 0 }
	}
	f := &Fleet{
		local: cfg.Local, cloud: cfg.Cloud, scorecard: cfg.Scorecard, standIn: cfg.StandIn, usual: cfg.Usual, order: cfg.Order, prefer: cfg.Prefer, bounds: cfg.Bounds,
		agents: catalogue, log: log, known: map[string]*state{},
	}
	for _, p := range f.providers() {
		f.known[p.Name()] = &state{probeNow: make(chan struct{}, 1)}
	}
	return f
}

// providers lists the providers of all lanes.
func (f *Fleet) providers() []providers.Provider {
	all := slices.Clone(f.local)
	for _, p := range f.cloud {
		all = append(all, p)
	}
	return all
}

// Candidates lists the candidates for a job of an agent on a lane, in the order in
// which they are asked.
func (f *Fleet) Candidates(lane tasks.Lane, agent *agents.Agent, j *tasks.Job) []providers.Candidate {
	if lane == tasks.Scorecard {
		return []providers.Candidate{{Provider: f.scorecard, Model: "rules"}}
	}
	var found []providers.Candidate
	for _, name := range agents.Order(f.Reach(lane), &agent.Agent, j, f.order) {
		provider, model, _ := strings.Cut(name, "/")
		if c, ok := f.candidate(lane, provider, model); ok {
			c.Context, c.Thinking = f.bounds(provider, model)
			found = append(found, c)
		}
	}
	return found
}

func (f *Fleet) candidate(lane tasks.Lane, provider, model string) (c providers.Candidate, ok bool) {
	if lane == tasks.Cloud {
		i := slices.IndexFunc(f.cloud, func(p CloudProvider) bool { return p.Name() == provider })
		if i < 0 {
			return c, false
		}
		return providers.Candidate{Provider: f.cloud[i].Provider, Model: model, Tariff: f.cloud[i].tariff(model)}, true
	}
	i := slices.IndexFunc(f.local, func(p providers.Provider) bool { return p.Name() == provider })
	if i < 0 {
		return c, false
	}
	return providers.Candidate{Provider: f.local[i], Model: model}, true
}

// Smallest returns a local model for small tasks: the one that is named as
// provider/model, or else the smallest that can be reached. A model whose size is
// not known counts as large.
func (f *Fleet) Smallest(name string) (c providers.Candidate, ok bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	least := int64(math.MaxInt64)
	for _, p := range f.local {
		for _, m := range f.known[p.Name()].models {
			size := m.Parameters
			if size <= 0 {
				size = math.MaxInt64 - 1
			}
			named := name == p.Name()+"/"+m.Name
			if m.Embedding || name != "" && !named || size >= least {
				continue
			}
			c, ok, least = providers.Candidate{Provider: p, Model: m.Name}, true, size
		}
	}
	return c, ok
}

// Parameters returns the number of weights of a local candidate; 0 for clouds, and
// where the provider does not report it.
func (f *Fleet) Parameters(lane tasks.Lane, c providers.Candidate) int64 {
	if lane != tasks.Local {
		return 0
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, m := range f.modelsAt(c.Provider.Name()) {
		if m.Name == c.Model {
			return m.Parameters
		}
	}
	return 0
}
