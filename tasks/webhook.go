package tasks

import (
	"encoding/json"
	"time"
)

// Endpoint is a receiver of the events of a tenant's jobs.
type Endpoint struct {
	ID          string      `json:"id"` // "ep_" and 26 letters and digits
	Tenant      string      `json:"tenant"`
	URL         string      `json:"url"`
	Description string      `json:"description,omitempty"`
	Events      []EventType `json:"events"` // that it subscribes to
	CreatedAt   time.Time   `json:"created_at"`

	Disabled     DisabledReason `json:"disabled_reason,omitempty"` // why nothing is sent there; "": it is
	DisabledAt   time.Time      `json:"disabled_at,omitzero"`      // when that began
	FailingSince time.Time      `json:"failing_since,omitzero"`    // the first of the tries that have all failed; zero: the last one did not
	OldSecretEnd time.Time      `json:"old_secret_until,omitzero"` // until when the secret before the last rotation signs, too

	// SecretLost says that nothing can be sent, for the secret cannot be opened any
	// more. A rotation makes a new one.
	SecretLost bool `json:"secret_lost,omitempty"`
	// Secret is shown once, when it is made.
	Secret string `json:"secret,omitempty"`
}

// SigningSecret is what signs the webhooks of a tenant that go to the callback
// URLs of its jobs.
type SigningSecret struct {
	Tenant       string    `json:"tenant"`
	Secret       string    `json:"secret"`
	CreatedAt    time.Time `json:"created_at"`
	OldSecretEnd time.Time `json:"old_secret_until,omitzero"` // until when the secret before the last rotation signs, too
	// Shared says that the installation's secret signs, too, which all tenants'
	// callbacks once had in common. The tenant ends that by a rotation.
	Shared bool `json:"shared_signature"`
}

// DisabledReason says why an endpoint is sent nothing. The values are stable.
type DisabledReason string

// The reasons.
const (
	DisabledByOwner DisabledReason = "by_owner"
	DisabledGone    DisabledReason = "gone"    // it answered 410
	DisabledFailing DisabledReason = "failing" // every try of five days failed
)

// EndpointEvents lists the events that an endpoint may subscribe to.
func EndpointEvents() []EventType {
	return []EventType{
		EventScheduled, EventQueued, EventRunning, EventSucceeded, EventFailed, EventCanceled, EventEndpointDisabled,
	}
}

// Delivery is one try to send a webhook, as the log keeps it.
type Delivery struct {
	ID         string          `json:"id"`                 // "dlv_…", in the order of time
	WebhookID  string          `json:"webhook_id"`         // the same over all tries
	Endpoint   string          `json:"endpoint,omitempty"` // "": the job's callback_url
	JobID      string          `json:"job_id,omitempty"`
	Type       EventType       `json:"type"`
	Host       string          `json:"host"`                  // of the URL; the rest may hold the receiver's own token
	Try        int             `json:"try"`                   // from 1
	Outcome    string          `json:"outcome"`               // delivered, or in a word what went wrong
	HTTPStatus int             `json:"http_status,omitempty"` // 0: no answer
	Answer     string          `json:"answer,omitempty"`      // the beginning of the answer's body; not to be trusted
	At         time.Time       `json:"at"`
	DurationMS int64           `json:"duration_ms"`
	NextTryAt  time.Time       `json:"next_try_at,omitzero"` // zero: there is none
	Notice     json.RawMessage `json:"-"`                    // what to queue to send it again
}

// EndpointDraft is what a tenant asks for when it registers an endpoint or
// changes one; a nil field of a change is left as it is.
type EndpointDraft struct {
	URL         *string     `json:"url,omitempty"`
	Description *string     `json:"description,omitempty"`
	Events      []EventType `json:"events,omitempty"`
	Disabled    *bool       `json:"disabled,omitempty"`
}

// DeliveryFilter chooses deliveries of a tenant.
type DeliveryFilter struct {
	Endpoint string // "": any
	JobID    string // "": any
	Outcome  string // "": any
	Before   string // only deliveries older than the one of this ID; "": from the newest on
	Limit    int    // 1 to 100
}
