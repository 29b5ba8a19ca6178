// Package queue carries tickets through asynq: both halves, the client that
// puts them in and the server that takes them out, are both here.
//
// A ticket is a chance to run a job on a lane, and nothing more: the truth
// about the job is in the store, so a ticket may be lost, doubled or late
// without harm. What asynq alone gets wrong (its lease and retry times, its
// budget of retries) therefore never decides a job's fate.
package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// Task types, as asynq and its dashboard show them.
const (
	typeTicket = "job:run"
	typeNotice = "webhook:deliver"
)

// Webhooks is the queue of webhooks to deliver.
const Webhooks = "webhooks"

// Name returns the queue of a lane for jobs of a complexity and priority:
// "local.high", "local.high.first" or "local.high.last" (see [tasks.Line]); asynq
// knows no priority within a queue. The scorecard lane has one queue for all.
func Name(lane tasks.Lane, c tasks.Complexity, p tasks.Priority) string {
	if lane == tasks.Scorecard {
		return string(lane)
	}
	return string(lane) + "." + tasks.Line(c, p)
}

// Names lists the queues of a lane in the order in which a worker empties them:
// by priority, and of each priority the shortest jobs first. Where complexities
// are given, in that order, it lists theirs alone.
func Names(lane tasks.Lane, only ...tasks.Complexity) []string {
	if lane == tasks.Scorecard {
		return []string{Name(lane, "", "")}
	}
	if len(only) == 0 {
		only = tasks.Complexities()
	}
	var names []string
	for _, p := range tasks.Priorities() {
		for _, c := range only {
			names = append(names, Name(lane, c, p))
		}
	}
	return names
}

// All lists the queues of every lane, and that of the webhooks.
func All() []string {
	var names []string
	for _, lane := range tasks.Lanes() {
		names = append(names, Names(lane)...)
	}
	return append(names, Webhooks)
}

// Ticket is a chance to run a job on a lane.
type Ticket struct {
	JobID string     `json:"job"`
	Lane  tasks.Lane `json:"lane"`
	Agent string     `json:"agent,omitempty"` // "": it was issued by a version that did not say

	Complexity tasks.Complexity  `json:"-"` // chooses the queue
	Priority   tasks.Priority    `json:"-"` // chooses the queue
	Round      int               `json:"-"` // the job's claims when it was issued; distinguishes old tickets from new
	Headers    map[string]string `json:"-"` // trace context (W3C), carried with the payload
}

// queue is where the ticket goes.
func (t Ticket) queue() string { return Name(t.Lane, t.Complexity, t.Priority) }

// taskID names the ticket, so that issuing the same chance twice makes one. A
// chance at once is another than one that is yet to come.
func (t Ticket) taskID(later bool) string {
	id := fmt.Sprintf("%s.%s.%d", t.JobID, t.Lane, t.Round)
	if later {
		id += ".later"
	}
	return id
}

// Retry is what a handler returns when its task is to come back.
type Retry struct {
	After  time.Duration // from now; whole seconds
	Counts bool          // the task was tried: Notice.Tries grows
	Cause  error         // may be nil
	// Elsewhere says that another server is to take the ticket: until it is back,
	// this one takes fewer tasks from its queue.
	Elsewhere bool
}

// Error says when the task comes back, and why.
func (e *Retry) Error() string {
	if e.Cause == nil {
		return "again in " + e.After.String()
	}
	return fmt.Sprintf("%v; again in %v", e.Cause, e.After)
}

// Unwrap returns the cause.
func (e *Retry) Unwrap() error { return e.Cause }

// ErrGivenUp is wrapped by what a handler returns when its task must not come
// back although it was not done.
var ErrGivenUp = errors.New("given up")

// Notice is a webhook to be sent for an event of a job.
type Notice struct {
	ID       string          `json:"id"` // the webhook's ID, the same over all its tries
	Tenant   string          `json:"tenant"`
	JobID    string          `json:"job,omitempty"`
	Endpoint string          `json:"endpoint,omitempty"` // the tenant's endpoint it goes to; "": the job's callback URL
	Subject  string          `json:"subject,omitempty"`  // what it is about, where that is no job: the ID of an endpoint
	Again    string          `json:"again,omitempty"`    // distinguishes a webhook that is sent again on request from the first
	Type     tasks.EventType `json:"type"`
	Sequence int64           `json:"sequence_number"`
	At       time.Time       `json:"at"`

	Tries int `json:"-"` // that went before this one
}

// taskID names the notice, so that what is queued twice is sent once.
func (n Notice) taskID() string {
	id := n.ID
	if n.Endpoint != "" {
		id += "." + n.Endpoint
	}
	if n.Again != "" {
		id += "." + n.Again
	}
	return id
}

func decode[T any](payload []byte) (T, error) {
	var v T
	if err := json.Unmarshal(payload, &v); err != nil {
		return v, fmt.Errorf("%w: task cannot be read: %w", ErrGivenUp, err)
	}
	return v, nil
}
