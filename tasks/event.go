package tasks

import (
	"encoding/json"
	"time"
)

// EventType names what happened to a job. The values cross the wire in event
// streams and webhooks, and are stable.
type EventType string

// The event types. Each state has one, sent when the job enters it; progress
// and delta happen while it runs, and replanned while it waits.
const (
	EventScheduled EventType = "job.scheduled"
	EventQueued    EventType = "job.queued"
	EventRunning   EventType = "job.running"
	EventProgress  EventType = "job.progress"  // data: what a candidate did
	EventDelta     EventType = "job.delta"     // data: {"text"}: a piece of the raw answer
	EventReplanned EventType = "job.replanned" // data: the Plan by which it waits from now on
	EventSucceeded EventType = "job.succeeded"
	EventFailed    EventType = "job.failed"
	EventCanceled  EventType = "job.canceled"
)

// EventSnapshot is in no log: in a stream of events it replaces those that the
// log does not keep any more. Its data is the job.
const EventSnapshot EventType = "job.snapshot"

// Events about webhooks themselves, which no job's log has.
const (
	EventWebhookTest      EventType = "webhook.test"              // a test send, asked for by its owner
	EventEndpointDisabled EventType = "webhook.endpoint_disabled" // sent to the tenant's other endpoints
)

// EventOf returns the type of the event of a job that enters s.
func EventOf(s State) EventType { return EventType("job." + string(s)) }

// Terminal reports whether the event ends a run of the job.
func (t EventType) Terminal() bool {
	return t == EventSucceeded || t == EventFailed || t == EventCanceled
}

// Event is one entry in a job's own log.
type Event struct {
	Sequence int64           `json:"sequence_number"` // from 1, without gaps, per job
	Type     EventType       `json:"type"`
	JobID    string          `json:"job_id"`
	Attempt  int             `json:"attempt"` // the attempt that wrote it; 0 before the first claim
	At       time.Time       `json:"at"`
	Data     json.RawMessage `json:"data,omitempty"` // by type; see the constants
}
