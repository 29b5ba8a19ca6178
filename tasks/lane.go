package tasks

import "slices"

// Lane is where a job can run.
type Lane string

// The lanes. Scorecard is the lane of last resort: every worker serves it, it
// needs no model, and what it answers is marked as degraded.
const (
	Local     Lane = "local"     // workers next to local models
	Cloud     Lane = "cloud"     // workers that call APIs
	Scorecard Lane = "scorecard" // any worker, by the agent's deterministic rules
)

// Lanes lists the lanes in the order local first.
func Lanes() []Lane { return []Lane{Local, Cloud, Scorecard} }

// Known reports whether l is one of the lanes.
func (l Lane) Known() bool { return slices.Contains(Lanes(), l) }

// Complexity says how much model a job needs. An agent sets it, a request may
// override it.
type Complexity string

// The complexities, from the shortest jobs to the longest.
const (
	Low     Complexity = "low"
	Medium  Complexity = "medium"
	High    Complexity = "high"
	Extreme Complexity = "extreme"
)

// Complexities lists the complexities from the shortest jobs to the longest,
// the order in which a local worker prefers them.
func Complexities() []Complexity { return []Complexity{Low, Medium, High, Extreme} }

// Known reports whether c is one of the complexities.
func (c Complexity) Known() bool { return slices.Contains(Complexities(), c) }

// Privacy says which hops a job's data may take.
type Privacy string

// The privacy levels.
const (
	PrivacyAny Privacy = "any" // every lane
	// MaskedFields sends inputs without free text to the cloud lane, with the
	// values of their fields masked.
	MaskedFields Privacy = "mask_fields"
	Masked       Privacy = "mask"       // to the cloud lane only with names, numbers and addresses masked
	LocalOnly    Privacy = "local_only" // never the cloud lane
)

// Privacies lists the levels, the laxest first.
func Privacies() []Privacy { return []Privacy{PrivacyAny, MaskedFields, Masked, LocalOnly} }

// Masks reports whether data of this level is masked on its way to the cloud.
func (p Privacy) Masks() bool { return p == Masked || p == MaskedFields }

// Known reports whether p is one of the levels.
func (p Privacy) Known() bool { return slices.Contains(Privacies(), p) }

// AtLeast returns the stricter one of p and q. The zero Privacy is the laxest.
func (p Privacy) AtLeast(q Privacy) Privacy {
	if slices.Index(Privacies(), q) > slices.Index(Privacies(), p) {
		return q
	}
	return p
}

// OnExhausted says what happens when no lane can answer.
type OnExhausted string

// The choices for a job that every lane has given up on.
const (
	Degrade OnExhausted = "degrade" // the scorecard answers; failed if the agent has none
	Wait    OnExhausted = "wait"    // stay queued until a provider is back or the deadline comes
	GiveUp  OnExhausted = "fail"    // end as failed
)

// Priority is a job's place among the jobs of its complexity.
type Priority string

// The priorities.
const (
	PriorityHigh   Priority = "high"   // before the others
	PriorityNormal Priority = "normal" // the default
	PriorityLow    Priority = "low"    // when there are no others
)

// Priorities lists the priorities, the highest first.
func Priorities() []Priority { return []Priority{PriorityHigh, PriorityNormal, PriorityLow} }

// Known reports whether p is one of the priorities.
func (p Priority) Known() bool { return slices.Contains(Priorities(), p) }

// Line names the jobs that wait in one line on a lane: "high" those of normal
// priority, "high.first" those before them, and "high.last" those after them.
// Any other priority counts as normal.
func Line(c Complexity, p Priority) string {
	switch p {
	case PriorityHigh:
		return string(c) + ".first"
	case PriorityLow:
		return string(c) + ".last"
	case PriorityNormal:
	}
	return string(c)
}

// CacheUse says whether a job may be answered with the result of an equal one.
type CacheUse string

// The uses of the cache.
const (
	CacheUsed     CacheUse = "use"    // answered by an equal job's result, if the agent allows it
	CacheBypassed CacheUse = "bypass" // always run; the result may answer later jobs
)

// AnsweredBy is what gave a job's result.
type AnsweredBy string

// What answers.
const (
	ByModel     AnsweredBy = "model"
	ByScorecard AnsweredBy = "scorecard" // as the last resort; the job is degraded
	ByCache     AnsweredBy = "cache"     // the result of an equal job
	ByFastPath  AnsweredBy = "fast_path" // the scorecard, for a clear case
)

// Language is the language of a job's output.
type Language string

// The output languages. Prompts are Chinese first.
const (
	Chinese Language = "zh"
	English Language = "en"
)
