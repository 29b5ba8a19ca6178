package tasks

import "slices"

// The outcomes of attempts. The values are kept on jobs and in metrics; they are
// stable and never reused.
const (
	OutcomeSucceeded = "succeeded"

	// The job was taken from the worker, with no candidate named:
	OutcomeWorkerLost = "worker_lost" // the worker died, or lost touch for longer than a lease
	OutcomeCanceled   = "canceled"    // the job was canceled; also of the call that was in flight

	// The call was not made:
	OutcomeBreakerOpen  = "breaker_open"  // the candidate has failed too often recently
	OutcomeLimitReached = "limit_reached" // the provider's limits leave no room now
	OutcomeBudgetSpent  = "budget_spent"  // no money is left in a budget
	OutcomeTooSlow      = "too_slow"      // a useful answer would not fit into the time left
	OutcomeNotMasked    = "not_masked"    // masking left a doubt, so the data was not sent
	OutcomeNotRecorded  = "not_recorded"  // the egress ledger could not be written, so the data was not sent
	OutcomeUnreachable  = "unreachable"   // the job names the candidate, which does not answer or has no such model

	// The call failed; what follows from each is in providers.Class:
	OutcomeRateLimited     = "rate_limited"
	OutcomeOverloaded      = "overloaded"
	OutcomeQuotaDead       = "quota_dead"
	OutcomeAuthDead        = "auth_dead"
	OutcomeBadRequest      = "bad_request"
	OutcomeContextOverflow = "context_overflow"
	OutcomeContentBlocked  = "content_blocked"
	OutcomeServer          = "server"
	OutcomeTimeout         = "timeout"
	OutcomeTransport       = "transport"
	OutcomeBadOutput       = "bad_output"
)

// notCalled are the outcomes of calls that were not made.
var notCalled = []string{
	OutcomeBreakerOpen, OutcomeLimitReached, OutcomeBudgetSpent, OutcomeTooSlow, OutcomeNotMasked,
	OutcomeNotRecorded, OutcomeUnreachable,
}

// Called reports whether the candidate was called: it was not refused before.
func (a *Attempt) Called() bool { return !slices.Contains(notCalled, a.Outcome) }
