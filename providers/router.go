package providers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers/output"
)

// Route is one question and those who may answer it. The answer is always JSON.
type Route struct {
	Candidates []Candidate // in the order in which they are asked
	Request    Request     // its Model is set for each candidate

	Owner Owner // on whose account

	// StopAt, if not zero, is when others get their chance: after it the calls
	// under way go on, but no further call is begun except the first.
	StopAt time.Time

	// Fit, if not nil, is called before every call of a candidate and fits the
	// request to it: how much it may write in the time left, for instance. A
	// *Refusal passes the candidate over.
	Fit func(ctx context.Context, c Candidate, req *Request) error
	// Check returns an answer as it is to be kept, perhaps mended, or an error
	// whose text is shown to the model on the one re-ask. A nil Check keeps every
	// JSON as it is.
	Check func(json.RawMessage) (json.RawMessage, error)
	// OnDelta is told every piece of every answer. An answer that begins anew
	// (re-ask, retry, next candidate) is preceded by a call of OnAttempt. It may
	// be nil.
	OnDelta func(Candidate, Delta)
	// OnAttempt is told of every call when it has ended. It may be nil.
	OnAttempt func(Attempt)
}

// Attempt is one call of one candidate, and how it ended.
type Attempt struct {
	Candidate  string // provider/model
	Outcome    string // Succeeded, or the class of the failure
	Message    string // what went wrong, safe for operators; "" when nothing did
	StartedAt  time.Time
	FirstToken time.Duration // 0: nothing came
	Duration   time.Duration
	Load       time.Duration
	Prefill    time.Duration
	Decode     time.Duration
	Usage      Usage

	TokenLimit int      // the most tokens it was allowed to write; 0: not bounded by us
	Cost       PicoUSD  // of this call
	BudgetLeft *PicoUSD // of the tightest budget after this call; nil: none applies
	Breaker    string   // state of the candidate's breaker when it was asked; "" without one
	Next       []string // the candidates that would have been asked next
}

// Answer is a valid answer.
type Answer struct {
	Output    json.RawMessage
	Candidate Candidate // who gave it
	Usage     Usage     // of all calls of the run, the failed ones included
}

// ExhaustedError says that no candidate gave a valid answer. It wraps the last
// failure.
type ExhaustedError struct {
	Class      Class         // of the last failure; "" when there was no candidate
	RetryAfter time.Duration // the shortest time after which a candidate would be asked again; 0 when none says
	Tried      []string      // the candidates, in order

	last error
}

// Error tells who was tried and what the last failure was.
func (e *ExhaustedError) Error() string {
	if len(e.Tried) == 0 {
		return "there is no candidate to ask"
	}
	return fmt.Sprintf("no candidate gave a valid answer (%s): %v", strings.Join(e.Tried, ", "), e.last)
}

// Unwrap returns the last failure.
func (e *ExhaustedError) Unwrap() error { return e.last }

// Limits of the retry of the same candidate.
const (
	longestPause = 5 * time.Second        // a longer Retry-After means the next candidate
	shortPause   = 250 * time.Millisecond // where the server names no time; up to twice that
)

// Router asks candidates, one after the other, until one gives a valid answer.
// It is safe for concurrent use.
type Router struct {
	log    *slog.Logger
	guards []Guard
}

// NewRouter returns a router that logs to log what it passes over, and asks the
// guards, in their order, before every call.
func NewRouter(log *slog.Logger, guards ...Guard) *Router { return &Router{log, guards} }

// Run asks the route's candidates in order. Each is called once; once more
// after a pause where its failure's Policy allows that and there is time; and
// once more with word of what was wrong when its answer was not valid. An
// answer that is blank or cut off is a failure, never a result. Where a failure
// is the provider's as a whole, its other models are passed over.
//
// It returns an *ExhaustedError when every candidate has failed, and an *Error
// of class canceled, wrapping ctx's cause, as soon as ctx ends.
func (r *Router) Run(ctx context.Context, route *Route) (*Answer, error) {
	w := &walk{route: route, log: r.log}
	exhausted := &ExhaustedError{}
	down := map[string]bool{} // providers that are at fault as a whole
	for _, c := range route.Candidates {
		if down[c.Provider.Name()] || len(exhausted.Tried) > 0 && w.mustStop() {
			continue
		}
		out, err := w.ask(ctx, c)
		if err == nil {
			return &Answer{Output: out, Candidate: c, Usage: w.usage}, nil
		}
		exhausted.add(c, err)
		if !exhausted.Class.Policy().FallBack {
			return nil, err
		}
		down[c.Provider.Name()] = exhausted.Class.Policy().Whole
		r.log.WarnContext(ctx, "candidate failed", "candidate", c.String(), "class", exhausted.Class, "error", err)
	}
	if ctx.Err() != nil {
		return nil, Canceled(ctx)
	}
	return nil, exhausted
}

func (e *ExhaustedError) add(c Candidate, err error) {
	e.Tried = append(e.Tried, c.String())
	e.Class, e.last = ClassOf(err), err
	failure, ok := errors.AsType[*Error](err)
	if ok && failure.RetryAfter > 0 && (e.RetryAfter == 0 || failure.RetryAfter < e.RetryAfter) {
		e.RetryAfter = failure.RetryAfter
	}
}

// walk is one run of a route.
type walk struct {
	route *Route
	log   *slog.Logger
	usage Usage
}

// mustStop reports whether no further call may be begun.
func (w *walk) mustStop() bool {
	return !w.route.StopAt.IsZero() && !time.Now().Before(w.route.StopAt)
}

// ask gets a valid answer from one candidate, or its last failure.
func (w *walk) ask(ctx context.Context, c Candidate) (json.RawMessage, error) {
	req := w.route.Request
	req.Model = c.Model
	retried, reasked := false, false
	for {
		out, resp, err := w.call(ctx, c, &req)
		if err == nil {
			return out, nil
		}
		policy := ClassOf(err).Policy()
		switch {
		case w.mustStop():
			return nil, err
		case policy.Reask && !reasked && resp != nil && !resp.Truncated:
			reasked = true
			req.Messages = reask(w.route.Request.Messages, resp.Text, err)
		case policy.RetrySame && !retried && pause(ctx, err):
			retried = true
		case ctx.Err() != nil:
			return nil, Canceled(ctx)
		default:
			return nil, err
		}
	}
}

// call makes one call, judges its answer and tells of the attempt.
func (w *walk) call(ctx context.Context, c Candidate, req *Request) (json.RawMessage, *Response, error) {
	if ctx.Err() != nil {
		return nil, nil, Canceled(ctx)
	}
	a := Attempt{Candidate: c.String(), Outcome: Succeeded, StartedAt: time.Now()}
	resp, err := c.Provider.Generate(ctx, req, func(d Delta) {
		if w.route.OnDelta != nil {
			w.route.OnDelta(c, d)
		}
	})
	a.Duration = time.Since(a.StartedAt)
	var out json.RawMessage
	switch {
	case ctx.Err() != nil:
		// Also an answer that came at the last moment is no longer wanted.
		err = Canceled(ctx)
	case err == nil:
		out, err = w.judge(c, resp)
	}
	a.note(resp, err)
	w.usage = w.usage.plus(a.Usage)
	if w.route.OnAttempt != nil {
		w.route.OnAttempt(a)
	}
	return out, resp, err
}

// judge finds the JSON in an answer and checks it.
func (w *walk) judge(c Candidate, resp *Response) (json.RawMessage, error) {
	if resp.Truncated {
		return nil, Errorf(ClassBadOutput, "%s reached its output limit before the answer was complete", c)
	}
	out, err := output.Extract(resp.Text)
	if err == nil && w.route.Check != nil {
		out, err = w.route.Check(out)
	}
	if err != nil {
		return nil, Errorf(ClassBadOutput, "%v", err).WithCause(err)
	}
	return out, nil
}

func (a *Attempt) note(resp *Response, err error) {
	if err != nil {
		a.Outcome, a.Message = string(ClassOf(err)), err.Error()
		if e, ok := errors.AsType[*Error](err); ok {
			a.Message = e.Message
		}
	}
	if resp == nil {
		return
	}
	a.FirstToken, a.Usage = resp.FirstToken, resp.Usage
	a.Load, a.Prefill, a.Decode = resp.Load, resp.Prefill, resp.Decode
}

// pause waits before a retry: as long as the server asks for, if that is short,
// else for a moment of random length. It reports false, without waiting, when
// the wait would be long or outlast ctx, and false when ctx ends meanwhile.
func pause(ctx context.Context, err error) bool {
	wait := shortPause + rand.N(shortPause)
	if e, ok := errors.AsType[*Error](err); ok && e.RetryAfter > 0 {
		wait = e.RetryAfter
	}
	deadline, bounded := ctx.Deadline()
	if wait > longestPause || bounded && time.Until(deadline) <= wait {
		return false
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (u Usage) plus(v Usage) Usage {
	return Usage{
		Input:     u.Input + v.Input,
		Cached:    u.Cached + v.Cached,
		Output:    u.Output + v.Output,
		Reasoning: u.Reasoning + v.Reasoning,
	}
}
