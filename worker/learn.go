package worker

import (
	"context"
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

// learn remembers how long a model took and how fast its calls were, for the
// calls and the estimates of later jobs. It is not worth holding anything up
// for.
func (a *attempt) learn(o outcome, took time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.base), signOffTimeout)
	defer cancel()
	for i := range a.calls {
		c := &a.calls[i]
		err := a.Store.LearnRates(ctx, c.Candidate, measured(c))
		if n := answerLength(c); n > 0 && err == nil {
			err = a.Store.LearnLength(ctx, lengthOf(a.job, c.Candidate), n)
		}
		if err != nil {
			a.log.Debug("rates not learned", "error", err)
			break // Redis is away or slow: the other calls would fare no better
		}
	}
	a.tally(ctx, o, took)
	if o.result.Output == nil || o.result.Degraded {
		return
	}
	if err := a.Store.Learn(ctx, store.LearnedKey{Agent: a.job.Agent, Lane: a.lane}, took); err != nil {
		a.log.Debug("duration not learned", "error", err)
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
	if c.Outcome == providers.Succeeded || cut {
		return c.Usage.Output
	}
	return 0
}

// tally counts what has come of the attempt, for those who compare the variants
// of an experiment.
func (a *attempt) tally(ctx context.Context, o outcome, took time.Duration) {
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
	if err := a.Store.Count(ctx, a.job, t); err != nil {
		a.log.Debug("outcome not counted", "error", err)
	}
}
