package pace

import (
	"context"
	"sync"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// Measurements below these are of no use: the clock and the network are larger.
const (
	fewestTokens  = 16
	shortestPhase = 50 * time.Millisecond
	// coldLoad is how long the load of a model that was not in memory takes at least:
	// servers report a few milliseconds for one that was.
	coldLoad = 500 * time.Millisecond
)

// FlushInterval is how often samples are to be written: they help later jobs, and
// are not worth a round trip of each.
const FlushInterval = time.Second

// Samples batches what finished attempts have shown. The zero value is ready. It is
// safe for concurrent use.
type Samples struct {
	mu    sync.Mutex
	batch store.Samples
}

// Add adds a finished attempt: its calls, its tally, and how long the answer took on
// its lane; 0 if there was no answer of a model.
func (s *Samples) Add(j *tasks.Job, lane tasks.Lane, calls []providers.Attempt, t store.Tallied, answered time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range calls {
		c := &calls[i]
		s.batch.Rates(c.Candidate, measured(c))
		s.batch.Length(lengthOf(j, c.Candidate), answerLength(c))
	}
	s.batch.Count(j, t)
	if answered > 0 {
		s.batch.Duration(store.LearnedKey{Agent: j.Agent, Lane: lane}, answered)
	}
}

// Flush writes the batch with write. It is lost if it cannot be written: it would be
// out of date when Redis is back.
func (s *Samples) Flush(ctx context.Context, write func(context.Context, *store.Samples) error) error {
	s.mu.Lock()
	batch := s.batch
	s.batch = store.Samples{}
	s.mu.Unlock()
	if batch.Empty() {
		return nil
	}
	return write(ctx, &batch)
}

// measured returns the rates of one call: as its server reported them, or, if it
// does not, as they were seen from here.
func measured(c *providers.Attempt) map[store.Rate]float64 {
	m := map[store.Rate]float64{}
	if c.Estimated {
		return m // rates of tokens that nobody counted
	}
	add := func(rate store.Rate, tokens int, took time.Duration) {
		if tokens >= fewestTokens && took >= shortestPhase {
			m[rate] = float64(tokens) / took.Seconds()
		}
	}
	if c.Load >= coldLoad {
		m[store.Load] = c.Load.Seconds()
	}
	switch {
	case c.Decode > 0:
		add(store.Decode, c.Usage.Output, c.Decode)
		add(store.Prefill, c.Usage.Input-c.Usage.Cached, c.Prefill)
	case c.FirstToken > 0:
		add(store.Decode, c.Usage.Output, c.Duration-c.FirstToken)
		if _, ok := m[store.Decode]; ok {
			m[store.FirstToken] = c.FirstToken.Seconds()
		}
	}
	return m
}

// answerLength is how many tokens an answer took, or at least took, if its limit
// cut it off; 0 when the call does not show it.
func answerLength(c *providers.Attempt) int {
	cut := c.Outcome == string(providers.ClassBadOutput) && c.TokenLimit > 0 && c.Usage.Output >= c.TokenLimit
	if !c.Estimated && (c.Outcome == tasks.OutcomeSucceeded || cut) {
		return c.Usage.Output
	}
	return 0
}
