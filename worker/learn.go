package worker

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
	// coldLoad is how long a load at least takes that was one: servers report a
	// few milliseconds for a model that was in memory.
	coldLoad = 500 * time.Millisecond
)

// teachEvery is how often what jobs have taught is written down: it helps the
// calls and the estimates of later jobs, and is not worth a round trip of each.
const teachEvery = time.Second

// lessons gathers what jobs have taught. It is safe for concurrent use.
type lessons struct {
	mu   sync.Mutex
	held store.Lessons
}

// take returns what was gathered, and begins anew.
func (l *lessons) take() store.Lessons {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := l.held
	l.held = store.Lessons{}
	return held
}

// teach writes down what jobs have taught since the last time. What cannot be
// written is lost: it would be old news when Redis is back.
func (w *Worker) teach(ctx context.Context) error {
	held := w.lessons.take()
	if held.Empty() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), signOffTimeout)
	defer cancel()
	return w.Store.Learn(ctx, &held)
}

// learn remembers how long a model took, how fast its calls were, and what came
// of the attempt.
func (a *attempt) learn(o outcome, took time.Duration) {
	a.lessons.mu.Lock()
	defer a.lessons.mu.Unlock()
	for i := range a.calls {
		c := &a.calls[i]
		a.lessons.held.Rates(c.Candidate, measured(c))
		a.lessons.held.Length(lengthOf(a.job, c.Candidate), answerLength(c))
	}
	a.lessons.held.Count(a.job, a.tallied(o, took))
	if o.result.Output != nil && !o.result.Degraded {
		a.lessons.held.Duration(store.LearnedKey{Agent: a.job.Agent, Lane: a.lane}, took)
	}
}

// note keeps what a call has told, to be learned when the job is settled.
func (a *attempt) note(r *providers.Attempt) {
	a.calls = append(a.calls, *r)
	if r.Outcome == providers.Succeeded {
		a.paces.setWarm(r.Candidate)
	}
}

// measured tells the rates of one call: as its server has reported them, or, of
// a server that does not, as they were seen from here.
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
// cut it off; 0 when the call tells nothing of that.
func answerLength(c *providers.Attempt) int {
	cut := c.Outcome == string(providers.ClassBadOutput) && c.TokenLimit > 0 && c.Usage.Output >= c.TokenLimit
	if !c.Estimated && (c.Outcome == providers.Succeeded || cut) {
		return c.Usage.Output
	}
	return 0
}

// tallied tells what has come of the attempt, for those who compare the variants
// of an experiment.
func (a *attempt) tallied(o outcome, took time.Duration) store.Tallied {
	t := store.Tallied{Took: took, Calls: a.records, By: a.lane}
	switch {
	case o.err != nil:
		t.Ended = tasks.Failed
	case o.result.Output != nil:
		t.Ended = tasks.Succeeded
		if o.result.Degraded {
			t.By = tasks.Scorecard
		}
	}
	return t
}
