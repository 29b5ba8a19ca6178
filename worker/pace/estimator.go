// Package pace estimates how long calls of models take: how fast candidates load,
// read and write, how long answers are, and so how many tokens fit into the time
// that a job has left. The estimates come from samples of finished calls, which all
// workers share through Redis: [Samples] batches and writes them, [Estimator] reads
// them, [Allotment] does the arithmetic.
package pace

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

const (
	// cachedFor is for how long learned rates and lengths are cached.
	cachedFor = 3 * time.Second
	// readTimeout bounds how long a call waits for them; else the cached ones serve.
	readTimeout = 500 * time.Millisecond
	// warmFor is how long a local model is assumed to stay in memory after an
	// answer, a little less than its server is asked to keep it.
	warmFor = 25 * time.Minute
	// fewLengths is how many answers must have been seen before their length is
	// something to go by.
	fewLengths = 5
)

// Estimator estimates how fast candidates are and how much they write, from what all
// workers together have learned. It is safe for concurrent use.
type Estimator struct {
	store Learned
	log   *slog.Logger

	mu      sync.Mutex
	rates   map[string]store.Rates
	ratesAt time.Time
	lengths map[[2]string]lengthsAt // by agent and version
	warm    map[string]time.Time    // by candidate: when it last answered here
	warming map[string]time.Time    // by candidate: when it was last loaded for the next job
}

// Learned is where samples of calls are kept.
type Learned interface {
	Rates(ctx context.Context) (map[string]store.Rates, error)
	Lengths(ctx context.Context, agent, version string) (map[store.Length]store.Learned, error)
}

type lengthsAt struct {
	lengths map[store.Length]store.Learned
	at      time.Time
}

// NewEstimator returns an Estimator that reads from s.
func NewEstimator(s Learned, log *slog.Logger) *Estimator {
	return &Estimator{store: s, log: log, lengths: map[[2]string]lengthsAt{}, warm: map[string]time.Time{}, warming: map[string]time.Time{}}
}

// Of returns the pace of a candidate. weights is the number of its weights, 0 if its
// provider does not report it.
func (p *Estimator) Of(ctx context.Context, candidate string, weights int64) Pace {
	rates := p.read(ctx)[candidate]
	if len(rates[store.Decode]) == 0 {
		return planningPace(weights)
	}
	found := Pace{
		Prefill: rates[store.Prefill].Quantile(0.1),
		Decode:  rates[store.Decode].Quantile(0.1),
		First:   seconds(rates[store.FirstToken].Quantile(0.9)),
	}
	if !p.isWarm(candidate) {
		found.Load = seconds(rates[store.Load].Quantile(0.9))
	}
	return found
}

// read returns the learned rates, perhaps cached ones.
func (p *Estimator) read(ctx context.Context) map[string]store.Rates {
	p.mu.Lock()
	held, fresh := p.rates, time.Since(p.ratesAt) < cachedFor
	if !fresh {
		p.ratesAt = time.Now() // others that ask meanwhile get the cached ones
	}
	p.mu.Unlock()
	if fresh {
		return held
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	rates, err := p.store.Rates(ctx)
	if err != nil {
		p.log.DebugContext(ctx, "measured rates could not be read; cached ones are used", "error", err)
		return held
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rates = rates
	return rates
}

// UsualLength is the median number of tokens of an answer of a candidate to a job of
// this kind, thinking included; 0 when too few have been seen.
func (p *Estimator) UsualLength(ctx context.Context, j *tasks.Job, candidate string) int {
	of := [2]string{j.Agent, j.AgentVersion}
	p.mu.Lock()
	held := p.lengths[of]
	p.mu.Unlock()
	if time.Since(held.at) >= cachedFor {
		held = p.readLengths(ctx, of, held)
	}
	l := held.lengths[lengthOf(j, candidate)]
	if len(l) < fewLengths {
		return 0
	}
	return int(math.Round(l.Quantile(0.5)))
}

// readLengths reads the lengths of one version of an agent. Those of versions
// that are no longer asked for are dropped.
func (p *Estimator) readLengths(ctx context.Context, of [2]string, held lengthsAt) lengthsAt {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	lengths, err := p.store.Lengths(ctx, of[0], of[1])
	if err != nil {
		p.log.DebugContext(ctx, "measured lengths of answers could not be read; cached ones are used", "error", err)
		lengths = held.lengths
	}
	held = lengthsAt{lengths, time.Now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	for other, l := range p.lengths {
		if time.Since(l.at) > time.Hour {
			delete(p.lengths, other)
		}
	}
	p.lengths[of] = held
	return held
}

func lengthOf(j *tasks.Job, candidate string) store.Length {
	return store.Length{Agent: j.Agent, Version: j.AgentVersion, Variant: j.Variant, Candidate: candidate}
}

// isWarm reports whether a model is likely to be in memory.
func (p *Estimator) isWarm(candidate string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.warm[candidate]) < warmFor
}

// SetWarm records that a model is in memory now.
func (p *Estimator) SetWarm(candidate string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.warm[candidate] = time.Now()
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// WarmUpInterval is the shortest time between two loads of a model ahead of a job.
const WarmUpInterval = 5 * time.Minute

// BeginWarmUp reports whether a model may be loaded ahead of its next job, and records
// that it is being loaded.
func (p *Estimator) BeginWarmUp(candidate string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.warming[candidate]) < WarmUpInterval {
		return false
	}
	p.warming[candidate] = time.Now()
	return true
}
