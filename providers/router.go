package providers

import (
	"context"
	"log/slog"
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
// once more with word of what was wrong when its answer was not valid. All of
// them share the route's tries, and second chances leave one for each candidate
// that follows. An answer that is blank or cut off is a failure, never a result.
//
// A candidate is passed over when it cannot do better than one that has failed,
// as that failure's Policy says, and when Fit or a guard refuses it. A refusal
// that is over within a moment is waited for once. When no candidate is left to ask,
// the run waits until the route's WaitUntil for the first of those that were
// refused, by a guard or by their servers, for a time.
//
// It returns an *ExhaustedError when every candidate has failed or was refused,
// and an *Error of class canceled, wrapping ctx's cause, as soon as ctx ends.
func (r *Router) Run(ctx context.Context, route *Route) (*Answer, error) {
	w := newWalk(r, route)
	for {
		answer, err := w.round(ctx)
		if answer != nil || err != nil {
			return answer, err
		}
		waited := ctx.Err() == nil && w.wait(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, Canceled(ctx)
		case !waited:
			return nil, w.end()
		}
	}
}

// round asks those candidates that may be asked now, in order. It returns neither
// an answer nor an error when that has brought none, and others may follow.
func (w *walk) round(ctx context.Context) (*Answer, error) {
	for i, c := range w.route.Candidates {
		if w.mustStop() || ctx.Err() != nil {
			break
		}
		if !w.due(i) || w.passOver(i) {
			continue
		}
		out, err := w.ask(ctx, i)
		if err == nil {
			return &Answer{Output: out, Candidate: c, Usage: w.usage}, nil
		}
		if ctx.Err() != nil {
			break
		}
		class, level := ClassOf(err), slog.LevelWarn
		if class == "" {
			level = slog.LevelDebug // refused: the guard has logged why when it began
		}
		w.log.Log(ctx, level, "no answer from candidate", "candidate", w.names[i], "class", class, "error", err)
		if class != "" && !class.Policy().FallBack {
			return nil, err
		}
		w.failed(i, err)
	}
	return nil, nil //nolint:nilnil,nilerr // so it is promised; failed keeps the error
}
