package tasks

import (
	"encoding/json"
	"time"
)

// Submission is what a caller posts to have a job made. Fields left empty take
// the agent's setting, or the default named here.
type Submission struct {
	Agent       string          `json:"agent"`
	Input       json.RawMessage `json:"input"`                  // by the agent's input schema
	Complexity  Complexity      `json:"complexity,omitempty"`   // default: the agent's
	Language    Language        `json:"language,omitempty"`     // of the output; default zh
	Privacy     Privacy         `json:"privacy,omitempty"`      // default: the agent's, and never less
	OnExhausted OnExhausted     `json:"on_exhausted,omitempty"` // default degrade
	Priority    Priority        `json:"priority,omitempty"`     // among jobs of its complexity; default normal
	Candidates  []string        `json:"candidates,omitempty"`   // that may answer, in order: provider or provider/model; default: by agent and complexity
	Cache       CacheUse        `json:"cache,omitempty"`        // default use
	FastPath    bool            `json:"fast_path,omitempty"`    // let the scorecard answer at once where it calls the case clear
	Flexible    bool            `json:"flexible,omitempty"`     // the answer may wait for the cloud's cheap hours
	RunAt       time.Time       `json:"run_at,omitzero"`        // not before; default: at once
	Deadline    time.Time       `json:"deadline,omitzero"`      // default: now, or run_at, plus the agent's deadline
	Retention   Duration        `json:"retention,omitzero"`     // how long the ended job is kept; default: the installation's
	CallbackURL string          `json:"callback_url,omitempty"` // gets signed webhooks
	// CallbackEvents are the events sent to CallbackURL; default: the end of the job.
	CallbackEvents []EventType       `json:"callback_events,omitempty"`
	Metadata       map[string]string `json:"metadata,omitempty"` // the caller's own, returned as it came

	// IdempotencyKey makes a submission that is sent again make no second job.
	// It comes in a header.
	IdempotencyKey string `json:"-"`
	// RerunOf is the job that this submission runs again; "" for none.
	RerunOf string `json:"-"`
}
