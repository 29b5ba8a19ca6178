package providers

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// call is one call of a candidate, or the refusal to make it.
type call struct {
	*walk
	at        int // the candidate's place in the route
	candidate Candidate
	leaves    []func(*Attempt) // of the guards that let it in

	prompt   int      // tokens, by our own count
	received received // so far

	attempt Attempt
	resp    *Response
	out     json.RawMessage // the valid answer
	err     error
}

// call asks the guards, makes one call, checks its answer and reports the
// attempt.
func (w *walk) call(ctx context.Context, i int, messages []Message) *call {
	c := &call{walk: w, at: i, candidate: w.route.Candidates[i]}
	if ctx.Err() != nil {
		c.err = Canceled(ctx)
		return c
	}
	req := w.route.Request
	req.Model, req.Messages = c.candidate.Model, messages
	c.attempt = Attempt{Candidate: w.names[i], StartedAt: time.Now()}
	// What a panic leaves behind: the guards must not take it for a call under way.
	c.attempt.Outcome, c.attempt.Message = string(ClassServer), "the call did not return"
	defer c.report()
	if c.err = c.enter(ctx, &req); c.err == nil {
		c.generate(ctx, &req)
	}
	c.attempt.Duration = time.Since(c.attempt.StartedAt)
	switch {
	case ctx.Err() != nil:
		// Also an answer that came at the last moment is no longer wanted.
		c.err = Canceled(ctx)
	case c.err == nil:
		c.out, c.err = w.judge(c.candidate, c.resp)
	}
	c.attempt.note(c.resp, c.err)
	c.attempt.estimate(c.prompt, c.received)
	c.attempt.price(c.candidate)
	if c.attempt.Called {
		w.calls++
		w.tries--
		w.usage = w.usage.plus(c.attempt.Usage)
	}
	return c
}

// enter fits the request to the candidate and asks the guards.
func (c *call) enter(ctx context.Context, req *Request) error {
	if c.route.Fit != nil {
		if err := c.route.Fit(ctx, c.candidate, req); err != nil {
			return err
		}
	}
	req.Patience = c.patience(ctx)
	c.attempt.TokenLimit = req.TokenLimit(c.candidate.Thinking)
	c.prompt = EstimateTokens(req)
	if len(c.guards) == 0 {
		return nil
	}
	asked := &Call{Candidate: c.candidate, Owner: c.route.Owner, Input: c.prompt, Output: c.attempt.TokenLimit, Job: c.route.Job, Since: c.route.Since}
	for _, g := range c.guards {
		leave, err := g.Enter(ctx, asked)
		if err != nil {
			return err
		}
		c.leaves = append(c.leaves, leave)
	}
	return nil
}

// How long an answer may take to begin, as a share of the time that there is.
const (
	patienceBefore = 0.5             // where others can follow
	patienceLast   = 0.9             // where none can
	leastPatience  = 3 * time.Second // with less, a timeout is no fault of the candidate
)

// patience is how long the candidate may take to begin. One that hangs leaves
// time to those who can follow, and is distinguished from a caller that disconnected, so that
// its breaker learns of it; 0: it may take all the time that there is.
func (c *call) patience(ctx context.Context) time.Duration {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return 0
	}
	share := patienceLast
	if !c.route.StopAt.IsZero() || len(c.next(c.at)) > 0 {
		share = patienceBefore
	}
	patience := time.Duration(share * float64(time.Until(deadline)))
	if patience < leastPatience {
		return 0
	}
	return patience
}

func (c *call) generate(ctx context.Context, req *Request) {
	c.attempt.Called = true
	c.resp, c.err = c.candidate.Provider.Generate(ctx, req, func(d Delta) {
		c.received.add(d)
		if c.route.OnDelta != nil {
			c.route.OnDelta(c.candidate, d)
		}
	})
}

// report passes the outcome of the call to the guards, and to OnAttempt.
func (c *call) report() {
	if c.route.OnAttempt != nil {
		c.attempt.Next = c.next(c.at)
	}
	for _, leave := range slices.Backward(c.leaves) {
		leave(&c.attempt)
	}
	if c.route.OnAttempt != nil && !c.repeats() {
		c.route.OnAttempt(c.attempt)
	}
}

// repeats reports whether the candidate was refused for the same reason as the
// last time in this run, and notes the reason. Who waits for it asks again and
// again, and is reported once.
func (c *call) repeats() bool {
	refused := &c.closed[c.at].refused
	if c.attempt.Called {
		*refused = ""
		return false
	}
	again := *refused == c.attempt.Outcome
	*refused = c.attempt.Outcome
	return again
}

// mendable reports whether a bad answer is worth asking for again: it was not
// cut off, and there is time for as long a call.
func (c *call) mendable(ctx context.Context) bool {
	return c.resp != nil && !c.resp.Truncated && fits(ctx, c.attempt.Duration)
}

func (u Usage) plus(v Usage) Usage {
	return Usage{
		Input:        u.Input + v.Input,
		Cached:       u.Cached + v.Cached,
		CacheWritten: u.CacheWritten + v.CacheWritten,
		Output:       u.Output + v.Output,
		Reasoning:    u.Reasoning + v.Reasoning,
	}
}
