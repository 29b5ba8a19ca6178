package providers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Route is one request and the candidates that may answer it. The answer is always JSON.
type Route struct {
	Candidates []Candidate // in the order in which they are asked; one that is listed twice is asked once
	Request    Request     // its Model is set for each candidate

	Owner Owner     // the account that pays
	Job   string    // the job that asks, for its place among those that wait for the same limit
	Since time.Time // how long it has waited; the oldest is let in first

	// StopAt, if not zero, is when others get their chance: after it the calls
	// under way go on, but no further call is begun except the first.
	StopAt time.Time
	// WaitUntil, if not zero, is until when the run waits for candidates that are
	// refused for a time, once none is left that can be asked now.
	WaitUntil time.Time
	// Tries is how many calls the whole run may make; 0: DefaultTries.
	Tries int

	// Fit, if not nil, is called before every call of a candidate and fits the
	// request to it: how much it may write in the time left, for instance. A
	// *Refusal passes the candidate over, and so does any other error.
	Fit func(ctx context.Context, c Candidate, req *Request) error
	// Check returns an answer as it is to be kept, perhaps mended, or an error
	// whose text is shown to the model on the one re-ask. A nil Check keeps every
	// JSON as it is.
	Check func(json.RawMessage) (json.RawMessage, error)
	// OnDelta gets every piece of every answer. An answer that begins anew
	// (re-ask, retry, next candidate) is preceded by a call of OnAttempt. It may
	// be nil.
	OnDelta func(Candidate, Delta)
	// OnAttempt gets every call when it has ended, and of every call that
	// was refused. It may be nil.
	OnAttempt func(Attempt)
}

// DefaultTries is how many calls a run may make where its route sets none:
// enough to ask each of three candidates, and to give some a second chance.
const DefaultTries = 6

// Answer is a valid answer.
type Answer struct {
	Output    json.RawMessage
	Candidate Candidate // that gave it
	Usage     Usage     // of all calls of the run, the failed ones included
}

// ExhaustedError means that no candidate gave a valid answer. It wraps the last
// failure, or, when every candidate was refused, the last refusal.
type ExhaustedError struct {
	Class      Class         // of the last call that failed; "" when no call was made
	Refused    string        // when no call was made although there were candidates: why the first one was passed over
	RetryAfter time.Duration // the shortest time after which a candidate would be asked again; 0 if none is known
	Busy       time.Duration // the same of those that are only busy; 0 when none is
	Failing    time.Duration // and of those that are left alone because they have failed just now
	Tried      []string      // the candidates that were asked or refused, in order

	last error
}

// Error lists the candidates that were tried, and the last failure.
func (e *ExhaustedError) Error() string {
	if len(e.Tried) == 0 {
		return "there is no candidate to ask"
	}
	return fmt.Sprintf("no candidate gave a valid answer (%s): %v", strings.Join(e.Tried, ", "), e.last)
}

// Unwrap returns the last failure.
func (e *ExhaustedError) Unwrap() error { return e.last }

// add notes how asking a candidate ended.
func (e *ExhaustedError) add(candidate string, err error) {
	if !slices.Contains(e.Tried, candidate) {
		e.Tried = append(e.Tried, candidate)
	}
	refusal, refused := errors.AsType[*Refusal](err)
	switch {
	case !refused:
		e.Class, e.Refused, e.last = ClassOf(err), "", err
	case e.Class == "":
		e.Refused, e.last = cmp.Or(e.Refused, refusal.Reason), err
	}
}

// comeBack notes that a candidate may be asked again after a time.
func (e *ExhaustedError) comeBack(after time.Duration, c Condition) {
	sooner(&e.RetryAfter, after)
	switch c {
	case Busy:
		sooner(&e.Busy, after)
	case Failing:
		sooner(&e.Failing, after)
	case Lasting:
	}
}

// sooner sets d to a time that is known and shorter.
func sooner(d *time.Duration, after time.Duration) {
	if after > 0 && (*d == 0 || after < *d) {
		*d = after
	}
}

// retryAfter is the time that a failure or a refusal names, 0 if none.
func retryAfter(err error) time.Duration {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal.RetryAfter
	}
	if failure, ok := errors.AsType[*Error](err); ok {
		return failure.RetryAfter
	}
	return 0
}
