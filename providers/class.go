package providers

import (
	"net/http"

	"github.com/topcentral/spillway/tasks"
)

// Class is the outcome of a call that failed.
type Class string

// The classes.
const (
	ClassRateLimited     Class = tasks.OutcomeRateLimited     // too many requests or tokens per time; ends without action
	ClassOverloaded      Class = tasks.OutcomeOverloaded      // the server has no room just now
	ClassQuotaDead       Class = tasks.OutcomeQuotaDead       // the account is out of money or quota; a person must act
	ClassAuthDead        Class = tasks.OutcomeAuthDead        // the key is wrong or may not do this; a person must act
	ClassBadRequest      Class = tasks.OutcomeBadRequest      // this provider will never accept this request
	ClassContextOverflow Class = tasks.OutcomeContextOverflow // the prompt does not fit into the model's window
	ClassContentBlocked  Class = tasks.OutcomeContentBlocked  // a filter refused the prompt or the answer
	ClassServer          Class = tasks.OutcomeServer          // the server broke, or speaks nonsense
	ClassTimeout         Class = tasks.OutcomeTimeout         // no answer within our own time limit
	ClassTransport       Class = tasks.OutcomeTransport       // refused, reset, cut off, unresolved
	ClassBadOutput       Class = tasks.OutcomeBadOutput       // an answer that is blank, cut off or not what was asked for
	ClassCanceled        Class = tasks.OutcomeCanceled        // the caller no longer wants the answer
)

// Classes lists every class.
func Classes() []Class {
	return []Class{
		ClassRateLimited, ClassOverloaded, ClassQuotaDead, ClassAuthDead,
		ClassBadRequest, ClassContextOverflow, ClassContentBlocked, ClassServer,
		ClassTimeout, ClassTransport, ClassBadOutput, ClassCanceled,
	}
}

// Policy is what a failure of some class means for the rest of a run, and for
// the runs that come after it.
type Policy struct {
	RetrySame bool   // the same candidate may be sent the same request once more, after a pause
	Reask     bool   // the same candidate may be asked once more, with word of what was wrong
	FallBack  bool   // the next candidate gets its chance
	Once      bool   // but only to another provider, and a second failure of this class ends the run
	Larger    bool   // but not one whose context is known to be no larger
	Whole     bool   // the provider itself is at fault: its other models need not be asked
	Breaker   Effect // what the candidate's circuit breaker makes of it
}

// Effect is what the end of a call does to the circuit breaker of its candidate.
type Effect int

// The effects.
const (
	NoEffect        Effect = iota // caused by the caller: no fault of the candidate
	CoolsDown                     // no failure; left alone for as long as the candidate asks
	CountsFailure                 // enough of them open the breaker, for longer each time
	CountsBadOutput               // counted apart, and opens it for a short time
	OpensAtOnce                   // a person must act: opens it for long
)

// policies is the one place that maps a class to what follows from it. A
// timeout is not retried on the same candidate: an API may bill both calls.
var policies = map[Class]Policy{
	ClassRateLimited:     {RetrySame: true, FallBack: true, Breaker: CoolsDown},
	ClassOverloaded:      {RetrySame: true, FallBack: true, Breaker: CountsFailure},
	ClassQuotaDead:       {FallBack: true, Whole: true, Breaker: OpensAtOnce},
	ClassAuthDead:        {FallBack: true, Whole: true, Breaker: OpensAtOnce},
	ClassBadRequest:      {FallBack: true},
	ClassContextOverflow: {FallBack: true, Larger: true},
	ClassContentBlocked:  {FallBack: true, Once: true},
	ClassServer:          {RetrySame: true, FallBack: true, Breaker: CountsFailure},
	ClassTimeout:         {FallBack: true, Whole: true, Breaker: CountsFailure},
	ClassTransport:       {RetrySame: true, FallBack: true, Whole: true, Breaker: CountsFailure},
	ClassBadOutput:       {Reask: true, FallBack: true, Breaker: CountsBadOutput},
	ClassCanceled:        {},
}

// Policy returns what follows from a failure of class c. A class that is not
// one of ours falls back, so that no typing error can end a job.
func (c Class) Policy() Policy {
	if p, ok := policies[c]; ok {
		return p
	}
	return Policy{FallBack: true}
}

// statusClasses are the HTTP statuses whose class differs from that of their hundred.
var statusClasses = map[int]Class{
	http.StatusUnauthorized:          ClassAuthDead,
	http.StatusPaymentRequired:       ClassQuotaDead,
	http.StatusForbidden:             ClassAuthDead,
	http.StatusRequestTimeout:        ClassTimeout,
	http.StatusRequestEntityTooLarge: ClassContextOverflow,
	http.StatusTooManyRequests:       ClassRateLimited,
	http.StatusServiceUnavailable:    ClassOverloaded,
	http.StatusGatewayTimeout:        ClassTimeout,
	529:                              ClassOverloaded, // not registered; several APIs send it when overloaded
}

// ClassOfStatus returns the class of an HTTP status when the body does not name one
// better. A status that is no failure (below 400) on an answer that failed all
// the same is the server's fault.
func ClassOfStatus(status int) Class {
	if c, ok := statusClasses[status]; ok {
		return c
	}
	if status >= 400 && status < 500 {
		return ClassBadRequest
	}
	return ClassServer
}
