package worker

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
	// pacesFor is how long what has been read of the learned rates serves.
	pacesFor = 3 * time.Second
	// paceTimeout bounds how long a call is held up for it: without it goes on
	// what was known before.
	paceTimeout = 500 * time.Millisecond
	// warmFor is how long a local model is taken to stay in memory after an
	// answer, a little less than its server is asked to keep it.
	warmFor = 25 * time.Minute
	// fewLengths is how many answers must have been seen before their length is
	// something to go by.
	fewLengths = 5
)

// paces knows how fast candidates are and how much they write, as all workers
// together have learned it. It is safe for concurrent use.
type paces struct {
	store learned
	log   *slog.Logger

	mu      sync.Mutex
	rates   map[string]store.Rates
	ratesAt time.Time
	lengths map[[2]string]lengthsAt // by agent and version
	warm    map[string]time.Time    // by candidate: when it last answered here
	warming map[string]time.Time    // by candidate: when it was last loaded for the next job
}

// learned is where what calls have taught is kept.
type learned interface {
	Rates(ctx context.Context) (map[string]store.Rates, error)
	Lengths(ctx context.Context, agent, version string) (map[store.Length]store.Learned, error)
}

type lengthsAt struct {
	lengths map[store.Length]store.Learned
	at      time.Time
}

func newPaces(s learned, log *slog.Logger) *paces {
	return &paces{store: s, log: log, lengths: map[[2]string]lengthsAt{}, warm: map[string]time.Time{}, warming: map[string]time.Time{}}
}

// of returns the pace of a candidate, of which a provider says how many weights
// it has; 0 when it does not.
func (p *paces) of(ctx context.Context, candidate string, weights int64) pace {
	rates := p.read(ctx)[candidate]
	if len(rates[store.Decode]) == 0 {
		return planningPace(weights)
	}
	found := pace{
		prefill: rates[store.Prefill].Quantile(0.1),
		decode:  rates[store.Decode].Quantile(0.1),
		first:   seconds(rates[store.FirstToken].Quantile(0.9)),
	}
	if !p.isWarm(candidate) {
		found.load = seconds(rates[store.Load].Quantile(0.9))
	}
	return found
}

// read returns the learned rates, of a moment ago if they were read then.
func (p *paces) read(ctx context.Context) map[string]store.Rates {
	p.mu.Lock()
	held, fresh := p.rates, time.Since(p.ratesAt) < pacesFor
	if !fresh {
		p.ratesAt = time.Now() // whoever else asks meanwhile takes what is held
	}
	p.mu.Unlock()
	if fresh {
		return held
	}
	ctx, cancel := context.WithTimeout(ctx, paceTimeout)
	defer cancel()
	rates, err := p.store.Rates(ctx)
	if err != nil {
		p.log.DebugContext(ctx, "learned rates not read", "error", err)
		return held
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rates = rates
	return rates
}

// usualLength is how many tokens every other answer of a candidate to a job of
// this kind takes, with its thinking; 0 when too few have been seen.
func (p *paces) usualLength(ctx context.Context, j *tasks.Job, candidate string) int {
	of := [2]string{j.Agent, j.AgentVersion}
	p.mu.Lock()
	held := p.lengths[of]
	p.mu.Unlock()
	if time.Since(held.at) >= pacesFor {
		held = p.readLengths(ctx, of, held)
	}
	l := held.lengths[lengthOf(j, candidate)]
	if len(l) < fewLengths {
		return 0
	}
	return int(math.Round(l.Quantile(0.5)))
}

// readLengths reads the lengths of one version of an agent. Those of versions
// that nobody asks for any more are forgotten.
func (p *paces) readLengths(ctx context.Context, of [2]string, held lengthsAt) lengthsAt {
	ctx, cancel := context.WithTimeout(ctx, paceTimeout)
	defer cancel()
	lengths, err := p.store.Lengths(ctx, of[0], of[1])
	if err != nil {
		p.log.DebugContext(ctx, "learned lengths not read", "error", err)
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
func (p *paces) isWarm(candidate string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.warm[candidate]) < warmFor
}

func (p *paces) setWarm(candidate string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.warm[candidate] = time.Now()
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
