package mockllm

import (
	"fmt"
	"slices"
)

// Fault is a way in which a call fails.
type Fault string

// The faults. Those of the first group are errors in the service's own form, as
// listed in docs/providers.md.
const (
	None Fault = "answer" // nothing goes wrong

	RateLimited     Fault = "rate_limited"
	Overloaded      Fault = "overloaded"
	QuotaDead       Fault = "quota_dead"
	AuthDead        Fault = "auth_dead"
	BadRequest      Fault = "bad_request"
	ContextOverflow Fault = "context_overflow"
	ContentBlocked  Fault = "content_blocked"
	ServerError     Fault = "server"
	UpstreamTimeout Fault = "timeout"

	Blank       Fault = "blank"        // an answer of white space
	Truncated   Fault = "truncated"    // half an answer, which the output limit has cut off
	InvalidJSON Fault = "invalid_json" // a complete answer that is not JSON
	Garbage     Fault = "garbage"      // a page of HTML, with status 200
	ErrorInside Fault = "error_in_200" // an error behind status 200, in the middle of the answer

	SlowDrip Fault = "slow_drip" // the answer, one character at a time
	Hang     Fault = "hang"      // nothing, until the caller leaves
	Stall    Fault = "stall"     // half an answer, and then nothing until the caller leaves
	Drop     Fault = "drop"      // half an answer, and then the connection breaks
	EarlyEnd Fault = "early_end" // half an answer, and then an end in good order
	Refuse   Fault = "refuse"    // the connection breaks before the first byte
)

// Outcomes of calls other than faults.
const (
	Tripped  = "tripped"  // the tripwire
	Rejected = "rejected" // the real service would refuse the request
	Shaped   = "shaped"   // in the shape of the behavior
	Canceled = "canceled" // a chat of Coze, by the caller; the chat is counted beside it
)

// Faults lists every fault.
func Faults() []Fault {
	return []Fault{
		RateLimited, Overloaded, QuotaDead, AuthDead, BadRequest, ContextOverflow, ContentBlocked, ServerError,
		UpstreamTimeout, Blank, Truncated, InvalidJSON, Garbage, ErrorInside, SlowDrip, Hang, Stall, Drop, EarlyEnd, Refuse,
	}
}

// refusals are the faults that are error responses.
var refusals = []Fault{
	RateLimited, Overloaded, QuotaDead, AuthDead, BadRequest, ContextOverflow, ContentBlocked, ServerError, UpstreamTimeout,
}

func (f Fault) isRefusal() bool { return slices.Contains(refusals, f) }

// UnmarshalText reads a fault, and "" as none.
func (f *Fault) UnmarshalText(text []byte) error {
	v := Fault(text)
	if v == "" {
		v = None
	}
	if v != None && !slices.Contains(Faults(), v) {
		return fmt.Errorf("unknown fault %q: want %q or one of %q", text, None, Faults())
	}
	*f = v
	return nil
}

// refusal is why a request is refused.
type refusal struct {
	fault   Fault
	message string // instead of the service's usual words
	code    string // instead of its usual code
	status  int    // instead of its usual status
	retry   int    // seconds to wait; 0 if not sent
}

// failure is an error in the form of a service. {model}, {tokens}, {limit} and
// {wait} are filled in.
type failure struct {
	status  int
	kind    string // the "type", where the service has one
	code    string
	message string
}
