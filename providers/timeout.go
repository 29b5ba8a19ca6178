package providers

import (
	"context"
	"errors"
	"time"
)

// WithTimeout returns p with a limit on the time that one call may take. A call
// that exceeds it fails with ClassTimeout; a call whose own context ends first
// fails with ClassCanceled.
func WithTimeout(p Provider, total time.Duration) Provider {
	return timed{p, total}
}

type timed struct {
	Provider
	total time.Duration
}

func (t timed) Models(ctx context.Context) ([]Model, error) {
	limit := Errorf(ClassTimeout, "no list of models within %v", t.total)
	inner, cancel := context.WithTimeoutCause(ctx, t.total, limit)
	defer cancel()
	models, err := t.Provider.Models(inner)
	return models, blame(ctx, inner, err)
}

func (t timed) Generate(ctx context.Context, req *Request, onDelta func(Delta)) (*Response, error) {
	limit := Errorf(ClassTimeout, "no complete answer within %v", t.total)
	inner, cancel := context.WithTimeoutCause(ctx, t.total, limit)
	defer cancel()
	resp, err := t.Provider.Generate(inner, req, onDelta)
	return resp, blame(ctx, inner, err)
}

// WithStallTimeout returns p with a limit on silence: first is the longest wait
// for the first delta, between the longest wait for each one after it. A call
// that stalls fails with ClassTimeout. It serves streams that are kept alive by
// a server that has not begun, where only WithTimeout would end the wait. A
// request's own Patience counts in place of first if it is less.
func WithStallTimeout(p Provider, first, between time.Duration) Provider {
	return impatient{p, first, between}
}

type impatient struct {
	Provider
	first, between time.Duration
}

func (s impatient) Generate(ctx context.Context, req *Request, onDelta func(Delta)) (*Response, error) {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	first := s.first
	if req.Patience > 0 {
		first = min(first, req.Patience)
	}
	limit := Errorf(ClassTimeout, "the answer stalled: allowed are %s until it begins and %s between its pieces", Span(first), Span(s.between))
	stall := time.AfterFunc(first, func() { cancel(limit) })
	defer stall.Stop()
	resp, err := s.Provider.Generate(inner, req, func(d Delta) {
		stall.Reset(s.between)
		onDelta(d)
	})
	return resp, blame(ctx, inner, err)
}

// blame replaces the error of a call that was ended by one of our own limits by
// that limit. outer is the caller's context; inner is derived from it and has
// the limit as its cause.
func blame(outer, inner context.Context, err error) error {
	if err == nil {
		return nil
	}
	if outer.Err() != nil {
		return Canceled(outer)
	}
	limit, ok := errors.AsType[*Error](context.Cause(inner))
	if inner.Err() != nil && ok && limit.Class == ClassTimeout {
		return limit.WithCause(err)
	}
	return err
}
