// Package fleet holds the providers of a worker: which of their models can be
// reached, which candidates may answer a job, and why one cannot be asked.
package fleet

import (
	"context"
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
	order     agents.CloudOrder
	prefer    map[string]string
	bounds    func(provider, model string) (context, thinking int)
	log       *slog.Logger

	mu        sync.RWMutex
	reachable map[string][]providers.Model // by provider name; nil: its last probes failed
	missed    map[string]int               // by provider name: probes in a row without an answer
	causes    map[string]error             // by provider name: why the last probe failed
	reached   map[string]bool              // by provider name: it has answered once
	since     time.Time                    // of the first probe
	reach     map[tasks.Lane]agents.Reach  // as of the last probe
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
	Order   agents.CloudOrder // of the cloud providers, where it is not the usual one
	Prefer  map[string]string // by local provider: its model that stands in before its largest
	// Bounds returns how many tokens of prompt and answer a model accepts, 0 if not
	// known, and how many of them may be thinking; nil if none is known.
	Bounds func(provider, model string) (context, thinking int)
}

// New returns a Fleet that reaches nothing until it is refreshed.
func New(cfg Config, catalogue *agents.Catalogue, log *slog.Logger) *Fleet {
	if cfg.Bounds == nil {
		cfg.Bounds = func(string, string) (int, int) { return 0, 0 }
	}
	return &Fleet{
		local: cfg.Local, cloud: cfg.Cloud, scorecard: cfg.Scorecard, standIn: cfg.StandIn, order: cfg.Order, prefer: cfg.Prefer, bounds: cfg.Bounds,
		agents: catalogue, log: log, reachable: map[string][]providers.Model{}, missed: map[string]int{},
		causes: map[string]error{}, reached: map[string]bool{},
	}
}

// probeTimeout bounds how long a provider may take to list its models.
const probeTimeout = 5 * time.Second

// Refresh asks every provider which models it has.
func (f *Fleet) Refresh(ctx context.Context) {
	f.mu.Lock()
	if f.since.IsZero() {
		f.since = time.Now()
	}
	f.mu.Unlock()
	var wg sync.WaitGroup
	for _, p := range f.local {
		wg.Go(func() { f.probe(ctx, p) })
	}
	for _, p := range f.cloud {
		wg.Go(func() { f.probe(ctx, p) })
	}
	wg.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reach = map[tasks.Lane]agents.Reach{tasks.Local: f.reachOf(tasks.Local), tasks.Cloud: f.reachOf(tasks.Cloud)}
}

func (f *Fleet) probe(ctx context.Context, p providers.Provider) {
	limited, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	models, err := p.Models(limited)
	if ctx.Err() != nil {
		return // the worker ends; the provider may be well
	}
	if err != nil && limited.Err() != nil {
		err = providers.Errorf(providers.ClassTimeout, "it has not listed its models within %v", probeTimeout).WithCause(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	before, known := f.reachable[p.Name()]
	f.causes[p.Name()] = err
	if err == nil {
		f.reached[p.Name()] = true
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

// Suspect records that a provider has just failed as a whole: if it does not answer
// the next probe either, it cannot be reached.
func (f *Fleet) Suspect(provider string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.missed[provider] = max(f.missed[provider], 1)
}

// NextProbe is how long until the providers should be asked again, where the usual
// interval is every: sooner while one has only just stopped answering, since it may
// be starting.
func (f *Fleet) NextProbe(every time.Duration) time.Duration {
	f.mu.RLock()
	defer f.mu.RUnlock()
	next := every
	for _, n := range f.missed {
		next = min(next, every>>max(0, 5-n))
	}
	return next
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

// smallest returns a local model for small tasks: the one that is named as
// provider/model, or else the smallest that can be reached. A model whose size is
// not known counts as large.
func (f *Fleet) Smallest(name string) (c providers.Candidate, ok bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	least := int64(math.MaxInt64)
	for _, p := range f.local {
		for _, m := range f.reachable[p.Name()] {
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
	for _, m := range f.reachable[c.Provider.Name()] {
		if m.Name == c.Model {
			return m.Parameters
		}
	}
	return 0
}
