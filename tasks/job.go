package tasks

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Job is one run of an agent on one input, for one tenant. It is both the
// record in the store and the resource of the API: there is one struct for it.
// The input is stored separately.
type Job struct {
	ID           string            `json:"id"`
	Tenant       string            `json:"tenant"`
	Agent        string            `json:"agent"`
	AgentVersion string            `json:"agent_version"`
	Complexity   Complexity        `json:"complexity"`
	Language     Language          `json:"language"`
	Privacy      Privacy           `json:"privacy"`
	OnExhausted  OnExhausted       `json:"on_exhausted"`
	Lanes        []Lane            `json:"lanes"`                // where it may run, first lane first
	Priority     Priority          `json:"priority,omitempty"`   // "": normal
	Candidates   []string          `json:"candidates,omitempty"` // that may answer, in order; empty: by agent and complexity
	Cache        CacheUse          `json:"cache,omitempty"`      // "": use
	Flexible     bool              `json:"flexible,omitempty"`   // the cloud may wait for its cheap hours
	Variant      string            `json:"variant,omitempty"`    // of the agent's experiment; "" when it has none
	Plan         *Plan             `json:"plan,omitempty"`       // where it was meant to go when it was made, and why
	Replanned    *Plan             `json:"replanned,omitempty"`  // where it is meant to go since that has changed; nil: as in Plan
	CallbackURL  string            `json:"callback_url,omitempty"`
	Metadata     map[string]string `json:"metadata,omitempty"`
	// CallbackEvents are the events sent to CallbackURL; empty: the end of the job.
	CallbackEvents []EventType `json:"callback_events,omitempty"`

	State    State           `json:"state"`
	Lane     Lane            `json:"lane,omitempty"` // of the current or last attempt
	Attempt  int             `json:"attempt"`        // claims so far; the fence
	Attempts []Attempt       `json:"attempts"`       // what each candidate did, oldest first
	Crashes  int             `json:"crashes"`        // claims whose worker was lost
	Degraded bool            `json:"degraded"`       // the scorecard answered because no model did
	Result   json.RawMessage `json:"result,omitempty"`
	Error    *Error          `json:"error,omitempty"` // why the job failed

	AnsweredBy AnsweredBy `json:"answered_by,omitempty"` // what gave the result
	AnsweredAs string     `json:"answered_as,omitempty"` // by the cache: the job whose result it is
	RerunOf    string     `json:"rerun_of,omitempty"`    // the job that this one runs again
	Cost       Money      `json:"cost_usd"`              // of all its calls so far
	Saved      Money      `json:"saved_usd,omitzero"`    // what the cache has spared

	CreatedAt time.Time `json:"created_at"`
	RunAt     time.Time `json:"run_at,omitzero"`     // not before; zero: at once
	SpillAt   time.Time `json:"spill_at,omitzero"`   // when the next lane gets its chance
	TargetAt  time.Time `json:"target_at"`           // when the user expects the answer
	Deadline  time.Time `json:"deadline"`            // an answer or a failure by then
	StartedAt time.Time `json:"started_at,omitzero"` // first claim of this run
	EndedAt   time.Time `json:"ended_at,omitzero"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // when an ended job is forgotten
	Retention Duration  `json:"retention"`           // how long it is kept once it has ended

	// Sequence is the number of the job's last event. It grows with every
	// change, so it serves as the job's version.
	Sequence int64 `json:"sequence_number"`

	// Exhausted are the lanes that gave up on this run of the job.
	Exhausted []Lane `json:"exhausted,omitempty"`
	// Waiting is where a queued job waits; nil in other states.
	Waiting *Waiting `json:"waiting,omitempty"`

	TraceID string `json:"trace_id,omitempty"` // of Trace; "" in a preview, and in jobs older than traces
	Trace   Trace  `json:"-"`                  // the request that made the job
}

// Waiting is where a queued job waits, and for how long.
type Waiting struct {
	Queue         string    `json:"queue"` // lane, complexity, and priority unless it is normal: "local.high", "local.high.first"
	Since         time.Time `json:"since"`
	Position      int       `json:"position,omitempty"`      // from 1; 0: not looked up
	ExpectedStart time.Time `json:"expected_start,omitzero"` // zero: no worker serves the queue, or it is not known, as while its candidates are down
	ExpectedEnd   time.Time `json:"expected_end,omitzero"`
}

// Attempt is the record of one candidate during one claim of the job. A claim
// that walked several candidates leaves several, all with the claim's number.
type Attempt struct {
	Number       int       `json:"number"` // the claim: the fence the worker wrote under
	Lane         Lane      `json:"lane"`
	Worker       string    `json:"worker"`
	Candidate    string    `json:"candidate"` // provider/model, e.g. "ollama/qwen2.5:7b"; "" if it was cut
	Outcome      string    `json:"outcome"`   // OutcomeSucceeded, or another one in outcome.go
	Message      string    `json:"message,omitempty"`
	AgentVersion string    `json:"agent_version,omitempty"` // of the agent it was asked with, where that is not the job's
	StartedAt    time.Time `json:"started_at"`
	FirstTokenMS int64     `json:"first_token_ms,omitempty"` // 0: nothing came, or not streamed
	DurationMS   int64     `json:"duration_ms"`
	RetryAt      time.Time `json:"retry_at,omitzero"` // when the candidate said, or its guards, that it is worth asking again
	Tokens       Tokens    `json:"tokens,omitzero"`
	Estimated    bool      `json:"estimated,omitempty"`   // tokens and cost are our own count: the server reported none
	TokenLimit   int       `json:"token_limit,omitempty"` // the most it was allowed to write; 0: not bounded by us
	Cost         Money     `json:"cost_usd,omitzero"`
	BudgetLeft   *Money    `json:"budget_left_usd,omitempty"` // of the tightest budget, after this call; nil: no budget applies
	Breaker      string    `json:"breaker,omitempty"`         // the candidate's circuit breaker when it was asked: closed, half_open or open

	Masked        map[string]int `json:"masked,omitempty"`         // values masked on the way to the cloud, by kind
	UnknownTokens []string       `json:"unknown_tokens,omitempty"` // mask tokens in the answer that have no value
	Next          []string       `json:"next,omitempty"`           // candidates that would have been asked next
}

// Tokens counts what a model read and wrote, as its server reported it.
type Tokens struct {
	Input     int `json:"input"`               // all prompt tokens, cached ones included
	Cached    int `json:"cached,omitempty"`    // prompt tokens served from a cache
	Output    int `json:"output"`              // all generated tokens, reasoning included
	Reasoning int `json:"reasoning,omitempty"` // generated tokens that were thinking
}

// Add returns the sum of t and u.
func (t Tokens) Add(u Tokens) Tokens {
	return Tokens{t.Input + u.Input, t.Cached + u.Cached, t.Output + u.Output, t.Reasoning + u.Reasoning}
}

// OpenLanes lists the lanes that may still run the job: allowed, and not
// exhausted in this run.
func (j *Job) OpenLanes() []Lane {
	open := make([]Lane, 0, len(j.Lanes))
	for _, l := range j.Lanes {
		if !slices.Contains(j.Exhausted, l) {
			open = append(open, l)
		}
	}
	return open
}

// idPrefix marks job IDs in logs, URLs and webhooks.
const idPrefix = "job_"

// NewID returns a fresh job ID: "job_" and the 32 hex digits of a UUID of
// version 7 (RFC 9562 §5.7), so that IDs sort by creation time.
func NewID() string {
	u, err := uuid.NewV7FromReader(rand.Reader)
	if err != nil {
		// crypto/rand does not fail on a working system.
		panic(fmt.Sprintf("job id: %v", err))
	}
	return idPrefix + hex.EncodeToString(u[:])
}

// ErrBadID says that a string is not a job ID.
var ErrBadID = errors.New("not a job ID: want job_ and 32 hex digits")

// CheckID returns ErrBadID unless id has the form that NewID gives.
func CheckID(id string) error {
	digits, ok := strings.CutPrefix(id, idPrefix)
	if !ok || len(digits) != 32 || strings.Trim(digits, "0123456789abcdef") != "" {
		return ErrBadID
	}
	return nil
}
