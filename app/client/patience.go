package client

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// away is the error of a Spillway that cannot be reached, or cannot serve now,
// and may soon.
type away struct {
	error
	after time.Duration // when it wants to be asked again; 0: it did not say
}

// Unwrap returns what happened.
func (a away) Unwrap() error { return a.error }

// longestAbsence is how long a server may be away before the commands that wait
// for a job give up.
const longestAbsence = time.Minute

// Patience paces the requests of a command that waits for a job. A server that
// was there and went away gets some time to come back; one that never answered
// gets none, for its address may be wrong.
type Patience struct {
	Server *Client
	Since  time.Time // when it went away; zero: it is there
	pauses *backoff.ExponentialBackOff
}

// Pause waits before the next request: for least if the last one went well, as
// err says, and otherwise for as long as it takes. It returns the error to give up
// with.
func (p *Patience) Pause(ctx context.Context, err error, least time.Duration) error {
	if err == nil {
		p.Since = time.Time{}
		return sleep(ctx, least)
	}
	a, ok := errors.AsType[away](err)
	if !ok || !p.Server.met.Load() {
		return err
	}
	if p.Since.IsZero() {
		p.Since = time.Now()
		p.pauses = backoff.NewExponentialBackOff()
		p.pauses.MaxInterval = 5 * time.Second
	}
	next := max(a.after, p.pauses.NextBackOff())
	if time.Since(p.Since)+next > longestAbsence {
		return err
	}
	return sleep(ctx, next)
}

// sleep waits for d, or until ctx ends, which is an error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
