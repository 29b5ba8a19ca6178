package tasks

import (
	"slices"
	"strings"
	"time"
)

// JobFilter chooses jobs of a tenant. Zero fields choose all.
type JobFilter struct {
	States        []State
	Agent         string
	CreatedAfter  time.Time         // at this time or later
	CreatedBefore time.Time         // before this time
	Metadata      map[string]string // all of these, with these values
	Degraded      *bool             // whether the scorecard answered because no model did
	AnsweredBy    AnsweredBy        // what gave the result
	Lane          Lane              // of the current or last attempt
	Model         string            // that answered: provider/model, a model or a provider
	Before        string            // only jobs older than the one of this ID; "": from the newest on
	Limit         int               // 1 to 100
}

// JobPage is a part of a list of jobs, the newest first.
type JobPage struct {
	Jobs []*Job // without their results
	Next string // Before of the next page; "" when there is none
}

// Chooses reports whether the filter chooses the job, but for Before and Limit.
func (f JobFilter) Chooses(j *Job) bool {
	for name, value := range f.Metadata {
		if held, ok := j.Metadata[name]; !ok || held != value {
			return false
		}
	}
	return (len(f.States) == 0 || slices.Contains(f.States, j.State)) &&
		(f.Agent == "" || f.Agent == j.Agent) &&
		!j.CreatedAt.Before(f.CreatedAfter) &&
		(f.CreatedBefore.IsZero() || j.CreatedAt.Before(f.CreatedBefore)) &&
		(f.Degraded == nil || *f.Degraded == j.Degraded) &&
		(f.AnsweredBy == "" || f.AnsweredBy == j.AnsweredBy) &&
		(f.Lane == "" || f.Lane == j.Lane) &&
		(f.Model == "" || isModel(f.Model, j.candidate()))
}

// candidate returns the candidate that gave the result, as provider/model; "" if none did.
func (j *Job) candidate() string {
	for _, a := range slices.Backward(j.Attempts) {
		if a.Outcome == OutcomeSucceeded {
			return a.Candidate
		}
	}
	return ""
}

// isModel reports whether a candidate is one that is named: in full, by its model
// or by its provider.
func isModel(name, candidate string) bool {
	provider, model, _ := strings.Cut(candidate, "/")
	return candidate != "" && (name == candidate || name == model || name == provider)
}
