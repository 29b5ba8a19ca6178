package tasks

import "slices"

// Lane is where a job can run.
type Lane string

// The lanes. Scorecard is the lane of last resort: every worker serves it, it
// needs no model, and what it answers is marked as degraded.
const (
	Local     Lane = "local"     // workers beside local models
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
	PrivacyAny Privacy = "any"        // every lane
	LocalOnly  Privacy = "local_only" // never the cloud lane
)

// OnExhausted says what happens when no lane can answer.
type OnExhausted string

// The choices for a job that every lane has given up on.
const (
	Degrade OnExhausted = "degrade" // the scorecard answers; failed if the agent has none
	Wait    OnExhausted = "wait"    // stay queued until a provider is back or the deadline comes
	GiveUp  OnExhausted = "fail"    // end as failed
)

// Language is the language of a job's output.
type Language string

// The output languages. Prompts are Chinese first.
const (
	Chinese Language = "zh"
	English Language = "en"
)
