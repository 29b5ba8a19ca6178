package providers

import (
	"context"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// Guard decides about the calls of candidates: a circuit breaker, a rate limit,
// a budget. The router asks its guards in order before every call, and reports
// them in reverse how the call ended.
//
// Implementations are safe for concurrent use. A guard that cannot decide, because
// what it needs is unavailable, allows the call, unless it could cost more than may
// be spent.
type Guard interface {
	// Enter asks whether the call may be made now. If it may, leave (never nil)
	// must be called exactly once, with how the call ended. The error is a
	// *Refusal, or wraps ctx's cause. It does not wait: the refused caller decides
	// whether to come back. It may add to the attempt.
	Enter(ctx context.Context, c *Call) (leave func(*Attempt), err error)
}

// Call is a call that a candidate is about to be asked.
type Call struct {
	Candidate Candidate
	Owner     Owner
	Input     int // estimated tokens of the prompt
	Output    int // the most tokens of the answer, thinking included; 0: not bounded by us

	// Job and Since give the call its place among those that wait for the same
	// limit: the job it is made for, and how long that has waited. Oldest first.
	Job   string
	Since time.Time
}

// Owner is the account on which a call is made.
type Owner struct{ Tenant, Agent string }

// Refusal is why a call was not made.
type Refusal struct {
	Reason     string        // the attempt's outcome, such as tasks.OutcomeBreakerOpen
	Message    string        // safe to show
	RetryAfter time.Duration // when it is worth asking again; 0: not known
	Condition  Condition     // of the candidate: whether it is worth waiting for
	// Ready, if not nil, is closed when it is worth asking again before RetryAfter
	// is over.
	Ready <-chan struct{}
}

// Condition is the state of a candidate that was refused, and so for how
// long it is worth waiting for.
type Condition int

// The conditions.
const (
	Lasting Condition = iota // it passes only when a person acts or a period ends; not worth waiting for
	Failing                  // it has failed just now and may be well again
	Busy                     // it is well and has no room yet
)

// Error returns the reason in words.
func (r *Refusal) Error() string { return r.Reason + ": " + r.Message }

// Tariff is what calls of one model cost. It is safe for concurrent use.
type Tariff interface {
	// Cost is the price of a call with this usage, begun at that time.
	Cost(u Usage, at time.Time) tasks.Money
	// Most is the most that a call can cost which is begun at that time with so
	// many tokens of prompt and may write so many, thinking included; 0: as many as
	// the model can.
	Most(input, output int, at time.Time) tasks.Money
}

// Limits are what an account may use of a provider, or of one of its models; 0:
// no such limit.
type Limits struct {
	Concurrency       int `yaml:"concurrency"` // calls at once
	RequestsPerMinute int `yaml:"requests_per_minute"`
	TokensPerMinute   int `yaml:"tokens_per_minute"` // of prompts and answers together
}
