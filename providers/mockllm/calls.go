package mockllm

import (
	"sync"
	"time"
)

// Call describes a call that has ended.
type Call struct {
	Provider string    `json:"provider"`
	Model    string    `json:"model"`
	Outcome  string    `json:"outcome"` // a Fault, None, Tripped, Rejected or Shaped
	Input    int       `json:"input_tokens"`
	Output   int       `json:"output_tokens"` // of an answer; 0 when there was none
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	// Left reports whether the caller closed the connection before the end.
	Left bool `json:"left,omitempty"`
}

// Stats counts calls since the start, or the last reset.
type Stats struct {
	Calls  []Count `json:"calls"`
	Recent []Call  `json:"recent"` // the last ones, oldest first
}

// Count is how many calls for a model ended in one way.
type Count struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Outcome  string `json:"outcome"`
	Calls    int    `json:"calls"`
	Left     int    `json:"left,omitempty"` // those of them whose caller left before the end
	Input    int    `json:"input_tokens"`
	Output   int    `json:"output_tokens"`
}

// Bounds of the call log: the calls that are kept, and the counters. Models
// beyond maxCounts are counted as one, since their names are the callers' to
// choose.
const (
	maxRecent = 200
	maxCounts = 2000
)

type countKey struct{ provider, model, outcome string }

type callLog struct {
	mu     sync.Mutex
	counts map[countKey]*Count
	recent []Call
}

func (j *callLog) add(c Call) {
	j.mu.Lock()
	defer j.mu.Unlock()
	key := countKey{c.Provider, c.Model, c.Outcome}
	if j.counts[key] == nil && len(j.counts) >= maxCounts {
		key.model = "others"
	}
	if j.counts == nil {
		j.counts = map[countKey]*Count{}
	}
	n := j.counts[key]
	if n == nil {
		n = &Count{Provider: key.provider, Model: key.model, Outcome: key.outcome}
		j.counts[key] = n
	}
	n.Calls++
	n.Input += c.Input
	n.Output += c.Output
	if c.Left {
		n.Left++
	}
	if len(j.recent) >= maxRecent {
		j.recent = append(j.recent[:0], j.recent[1:]...)
	}
	j.recent = append(j.recent, c)
}

func (j *callLog) reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.counts, j.recent = nil, nil
}
