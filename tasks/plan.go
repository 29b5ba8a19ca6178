package tasks

import "time"

// Plan is where a job was meant to go when it was made, and why. Where it went is in
// its attempts.
type Plan struct {
	MadeAt time.Time  `json:"made_at"`
	Reason PlanReason `json:"reason"`
	// PressureLimit is the time pressure from which on the second lane gets its
	// chance at once; 0: the plan is of a version that did not record it.
	PressureLimit float64    `json:"pressure_limit,omitempty"`
	Lanes         []LanePlan `json:"lanes"` // those that the job may run on, in the order of their chances; none when it has its answer
}

// PlanReason says in a word why the first lane gets the first chance, or why no
// model is asked at all. The values are stable.
type PlanReason string

// The reasons.
const (
	PlanFirstLane  PlanReason = "first_lane"   // the agent's first lane has time for it
	PlanPressed    PlanReason = "time_pressed" // the first lane would use too much of the time there is, so the second gets its chance at once
	PlanUnserved   PlanReason = "unserved"     // no live worker serves the first lane
	PlanOnlyLane   PlanReason = "only_lane"    // there is one lane with a model, or one that is served
	PlanScheduled  PlanReason = "scheduled"    // it runs later
	PlanCheapHours PlanReason = "cheap_hours"  // the cloud gets its chance when it is cheap
	PlanCached     PlanReason = "cached"       // an equal job has a result
	PlanShared     PlanReason = "shared"       // an equal job is under way
	PlanFastPath   PlanReason = "fast_path"    // the scorecard calls the case clear
	PlanLastResort PlanReason = "last_resort"  // no lane with a model is served
)

// LanePlan is what a plan expects of one lane.
type LanePlan struct {
	Lane       Lane      `json:"lane"`
	At         time.Time `json:"at,omitzero"`                  // when it gets its chance; zero: at once, or, unless it is served, not as things are
	Served     bool      `json:"served"`                       // a live worker takes the job there and can ask one of its candidates
	Candidates []string  `json:"candidates,omitempty"`         // that would be asked, in order, as provider/model
	Pressure   float64   `json:"time_pressure,omitempty"`      // share of the time left that the job needs there, the work ahead of it included
	Backlog    Duration  `json:"backlog_seconds,omitempty"`    // work ahead of it
	Expected   Duration  `json:"expected_seconds,omitempty"`   // how long it runs there, at the median
	Expected95 Duration  `json:"expected95_seconds,omitempty"` // and at the 95th percentile
}

// Preview is what would become of a submission, without making a job.
type Preview struct {
	Job        *Job           `json:"job"`                   // as it would be made; it has no ID
	AnsweredBy AnsweredBy     `json:"answered_by,omitempty"` // what would answer at once: cache or fast_path
	MaxCost    Money          `json:"max_cost_usd"`          // the most that one call of its dearest cloud candidate may cost; 0 when the cloud is not asked or prices are not known
	Masked     map[string]int `json:"masked,omitempty"`      // values that would be masked on the way to the cloud, by kind
}
