package fleet

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

const (
	// probeTimeout bounds how long a provider may take to list its models.
	probeTimeout = 5 * time.Second
	// localInterval is how often at least a local server that answers is probed: it
	// is near, and what depends on it is soon noticed to be gone.
	localInterval = 5 * time.Second
)

// retryIntervals are how long after so many probes without an answer a provider is
// probed again. The last one stays in force: a server that comes back is noticed
// soon, however long it was gone.
var retryIntervals = []time.Duration{time.Second, 2 * time.Second, 5 * time.Second}

// state is what probes of one provider have found.
type state struct {
	models   []providers.Model // nil: it cannot be reached
	missed   int               // probes in a row without an answer
	cause    error             // why the last probe failed; nil: it did not
	failing  time.Time         // when the first probe of the present row failed
	reached  bool              // it has answered once
	probeNow chan struct{}     // receives when it should be probed at once
}

// Refresh probes every provider once, side by side.
func (f *Fleet) Refresh(ctx context.Context) {
	f.mu.Lock()
	if f.since.IsZero() {
		f.since = time.Now()
	}
	f.mu.Unlock()
	var probes sync.WaitGroup
	for _, p := range f.providers() {
		probes.Go(func() { f.probe(ctx, p) })
	}
	probes.Wait()
	f.Update()
}

// Update brings what [Fleet.Reach] returns up to date with the last probes and the
// agents.
func (f *Fleet) Update() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reach = map[tasks.Lane]agents.Reach{tasks.Local: f.reachOf(tasks.Local), tasks.Cloud: f.reachOf(tasks.Cloud)}
}

// Watch probes every provider until ctx ends: as often as interval says while it
// answers, local servers more often; sooner after a probe without an answer, and at
// once when it is suspected. Providers do not wait for one another. changed is
// called after each probe that found something else than the one before.
func (f *Fleet) Watch(ctx context.Context, interval time.Duration, changed func()) {
	var loops sync.WaitGroup
	for i, p := range f.providers() {
		usual := interval
		if i < len(f.local) {
			usual = min(interval, localInterval)
		}
		loops.Go(func() { f.watch(ctx, p, usual, changed) })
	}
	loops.Wait()
}

func (f *Fleet) watch(ctx context.Context, p providers.Provider, usual time.Duration, changed func()) {
	next := time.NewTimer(f.nextProbe(p.Name(), usual))
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.known[p.Name()].probeNow:
		case <-next.C:
		}
		if f.probe(ctx, p) {
			changed()
		}
		next.Reset(f.nextProbe(p.Name(), usual))
	}
}

// nextProbe is how long until a provider should be probed again. One that refuses
// us, because of its key say, is asked as seldom as one that answers: a person must
// act first.
func (f *Fleet) nextProbe(provider string, usual time.Duration) time.Duration {
	f.mu.RLock()
	defer f.mu.RUnlock()
	s := f.known[provider]
	switch providers.ClassOf(s.cause) {
	case providers.ClassAuthDead, providers.ClassQuotaDead, providers.ClassBadRequest, providers.ClassRateLimited:
		if s.models == nil {
			return usual
		}
	}
	if s.missed == 0 {
		return usual
	}
	return min(usual, retryIntervals[min(s.missed, len(retryIntervals))-1])
}

// probe asks a provider which models it has, and reports whether that is not what
// was known.
func (f *Fleet) probe(ctx context.Context, p providers.Provider) (changed bool) {
	limited, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	models, err := p.Models(limited)
	if ctx.Err() != nil {
		return false // the worker ends; the provider may be well
	}
	if err != nil && limited.Err() != nil {
		err = providers.Errorf(providers.ClassTimeout, "it has not listed its models within %v", probeTimeout).WithCause(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.known[p.Name()]
	before, failed := s.models, s.cause != nil
	s.cause = err
	if err == nil {
		s.reached, s.missed = true, 0
		s.models = append([]providers.Model{}, models...) // never nil
		if before == nil {
			f.log.InfoContext(ctx, "provider can be reached", "provider", p.Name(), "models", len(models))
		}
		return before == nil || !slices.Equal(before, s.models)
	}
	if s.missed++; !failed {
		s.failing = time.Now().UTC()
	}
	if before != nil && s.missed < 2 {
		return false // once may be a hiccup, such as a large model being loaded
	}
	s.models = nil
	if before != nil || !failed {
		f.log.WarnContext(ctx, "provider cannot be reached; it is probed until it answers", "provider", p.Name(), "error", err)
	}
	return before != nil
}

// Suspect records that a provider has just failed as a whole, and has it probed at
// once: if it does not answer that probe either, it cannot be reached.
func (f *Fleet) Suspect(provider string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.known[provider]
	if s == nil {
		return
	}
	s.missed = max(s.missed, 1)
	select {
	case s.probeNow <- struct{}{}:
	default:
	}
}

// modelsAt returns the models of a provider; nil if it cannot be reached, or is not
// one of ours. It needs the lock.
func (f *Fleet) modelsAt(provider string) []providers.Model {
	if s := f.known[provider]; s != nil {
		return s.models
	}
	return nil
}
