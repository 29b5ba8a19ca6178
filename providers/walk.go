package providers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/topcentral/spillway/providers/output"

	"github.com/topcentral/spillway/tasks"
)

// walk is one run of a route.
type walk struct {
	route  *Route
	guards []Guard
	log    *slog.Logger
	names  []string // the candidates' names

	tries     int // calls that may still be made
	calls     int // calls made
	usage     Usage
	failures  []failure
	closed    []closed // by candidate
	exhausted *ExhaustedError
}

// failure is how a candidate was lost.
type failure struct {
	at    int // its place in the route
	class Class
}

func newWalk(r *Router, route *Route) *walk {
	w := &walk{route: route, guards: r.guards, log: r.log, tries: route.Tries, exhausted: &ExhaustedError{}}
	w.tries = cmp.Or(w.tries, DefaultTries)
	w.closed = make([]closed, len(route.Candidates))
	w.names = make([]string, len(route.Candidates))
	for i, c := range route.Candidates {
		w.names[i] = c.String()
	}
	return w
}

// mustStop reports whether no further call may be begun.
func (w *walk) mustStop() bool {
	if w.tries <= 0 {
		return true
	}
	return w.calls > 0 && !w.route.StopAt.IsZero() && !time.Now().Before(w.route.StopAt)
}

// passOver reports whether it is no use to ask a candidate, since it is in
// the route a second time or others have failed in a way that shows it.
func (w *walk) passOver(i int) bool {
	return slices.Contains(w.names[:i], w.names[i]) ||
		slices.ContainsFunc(w.failures, func(f failure) bool { return w.rulesOut(f, i) })
}

// rulesOut reports whether a failure means that a candidate need not be asked.
func (w *walk) rulesOut(f failure, i int) bool {
	lost, next := w.route.Candidates[f.at], w.route.Candidates[i]
	policy := f.class.Policy()
	switch {
	case (policy.Whole || policy.Once) && lost.Provider.Name() == next.Provider.Name():
		return true
	case policy.Larger:
		return lost.Context > 0 && next.Context > 0 && next.Context <= lost.Context
	case policy.Once:
		return slices.ContainsFunc(w.failures, func(g failure) bool { return g.class == f.class && g.at != f.at })
	}
	return false
}

// failed notes that a candidate gave no answer.
func (w *walk) failed(i int, err error) {
	w.exhausted.add(w.names[i], err)
	w.closed[i].close(err)
	if class := ClassOf(err); class != "" {
		w.failures = append(w.failures, failure{i, class})
	}
}

// next lists the candidates that would be asked after one.
func (w *walk) next(i int) []string {
	var names []string
	for j := i + 1; j < len(w.names); j++ {
		if !w.passOver(j) {
			names = append(names, w.names[j])
		}
	}
	return names
}

// ask gets a valid answer from one candidate, or its last failure, or, if it was
// never called, the refusal.
func (w *walk) ask(ctx context.Context, i int) (json.RawMessage, error) {
	messages := w.route.Request.Messages
	retried, reasked, waited := false, false, false
	var failed error // of the last call
	for {
		c := w.call(ctx, i, messages)
		if c.err == nil {
			return c.out, nil
		}
		if c.attempt.Called {
			failed = c.err
		}
		policy := ClassOf(c.err).Policy()
		switch {
		case ctx.Err() != nil:
			return nil, Canceled(ctx)
		case w.mustStop():
			return nil, cmp.Or(failed, c.err)
		case !c.attempt.Called && !waited && soon(c.err) && sleep(ctx, retryAfter(c.err), ready(c.err)):
			waited = true
		case !c.attempt.Called:
			if failed != nil {
				w.exhausted.comeBack(retryAfter(c.err), Lasting)
			}
			return nil, cmp.Or(failed, c.err)
		case !w.spare(i):
			return nil, c.err
		case policy.Reask && !reasked && c.mendable(ctx):
			reasked = true
			messages = reask(w.route.Request.Messages, c.resp.Text, c.err)
		case policy.RetrySame && !retried && pause(ctx, c.err):
			retried = true
		default:
			return nil, c.err
		}
	}
}

// spare reports whether a candidate may have another try, so that one is left
// for each that follows.
func (w *walk) spare(i int) bool { return w.tries > len(w.next(i)) }

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

// Limits of the waits before the same candidate is asked again.
const (
	longestPause = 5 * time.Second        // a longer Retry-After means the next candidate
	shortPause   = 250 * time.Millisecond // where the server names no time; up to twice that
	longestWait  = time.Second            // for a refusal to pass
)

// soon reports whether a refusal passes so soon that it is better waited for.
// An open breaker is not: others are well meanwhile.
func soon(err error) bool {
	refusal, ok := errors.AsType[*Refusal](err)
	return ok && refusal.Reason != tasks.OutcomeBreakerOpen && refusal.RetryAfter > 0 && refusal.RetryAfter <= longestWait
}

// pause waits before a retry: as long as the server asks for, if that is short,
// else for a moment of random length. It reports false, without waiting, when
// the wait would be long or outlast ctx, and false when ctx ends meanwhile.
func pause(ctx context.Context, err error) bool {
	wait := cmp.Or(retryAfter(err), shortPause+rand.N(shortPause))
	return wait <= longestPause && sleep(ctx, wait, nil)
}

// sleep waits, at the longest until ready is closed. It reports false, without
// waiting, when that would outlast ctx, and false when ctx ends meanwhile.
func sleep(ctx context.Context, wait time.Duration, ready <-chan struct{}) bool {
	if !fits(ctx, wait) {
		return false
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ready:
		return true
	case <-ctx.Done():
		return false
	}
}

// fits reports whether ctx lasts longer than a time.
func fits(ctx context.Context, d time.Duration) bool {
	deadline, bounded := ctx.Deadline()
	return !bounded || time.Until(deadline) > d
}
