package tasks

import (
	"encoding/json"
	"time"
)

// Submission is what a caller posts to have a job made. Fields left empty take
// the agent's setting, or the default named here.
type Submission struct {
	Agent       string            `json:"agent"`
	Input       json.RawMessage   `json:"input"`                  // by the agent's input schema
	Complexity  Complexity        `json:"complexity,omitempty"`   // default: the agent's
	Language    Language          `json:"language,omitempty"`     // of the output; default zh
	Privacy     Privacy           `json:"privacy,omitempty"`      // default: the agent's, and never less
	OnExhausted OnExhausted       `json:"on_exhausted,omitempty"` // default degrade
	Deadline    time.Time         `json:"deadline,omitzero"`      // default: now plus the agent's deadline
	CallbackURL string            `json:"callback_url,omitempty"` // gets a signed webhook when the job ends
	Metadata    map[string]string `json:"metadata,omitempty"`     // the caller's own, returned as it came
}
