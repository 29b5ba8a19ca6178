package providers

import (
	"errors"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// Attempt is one call of one candidate, and how it ended; or a call that was
// not made, and why.
type Attempt struct {
	Candidate  string // provider/model
	Called     bool   // false: the candidate was not asked, for the reason in Outcome
	Outcome    string // Succeeded, the class of the failure, or the reason of the refusal
	Message    string // what went wrong, safe for operators; "" when nothing did
	StartedAt  time.Time
	FirstToken time.Duration // 0: nothing came
	Duration   time.Duration
	Load       time.Duration
	Prefill    time.Duration
	Decode     time.Duration
	Usage      Usage
	Estimated  bool          // Usage, and so Cost, is our own count: the server did not report any
	RetryAfter time.Duration // when the candidate asks to be tried again; 0 if it does not

	TokenLimit int          // the most tokens it was allowed to write; 0: not bounded by us
	Cost       tasks.Money  // of this call
	BudgetLeft *tasks.Money // of the tightest budget after this call; nil: none applies
	Breaker    string       // state of the candidate's breaker when it was asked; "" without one
	Next       []string     // the candidates that would have been asked next
}

// note writes down how the call ended.
func (a *Attempt) note(resp *Response, err error) {
	a.Outcome, a.Message, a.RetryAfter = tasks.OutcomeSucceeded, "", retryAfter(err)
	if err != nil {
		a.Outcome, a.Message = string(ClassOf(err)), err.Error()
	}
	if failure, ok := errors.AsType[*Error](err); ok {
		a.Message = failure.Message
	}
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		a.Called, a.Outcome, a.Message = false, refusal.Reason, refusal.Message
		if refusal.Reason == tasks.OutcomeBreakerOpen {
			a.Breaker = "open"
		}
	}
	if resp != nil && a.Called {
		a.FirstToken, a.Usage = resp.FirstToken, resp.Usage
		a.Load, a.Prefill, a.Decode = resp.Load, resp.Prefill, resp.Decode
	}
}

// price works out what the call has cost.
func (a *Attempt) price(c Candidate) {
	if c.Tariff != nil && a.Called {
		a.Cost = c.Tariff.Cost(a.Usage, a.StartedAt)
	}
}
