package tasks

import "time"

// JobFilter chooses jobs of a tenant. Zero fields choose all.
type JobFilter struct {
	States        []State
	Agent         string
	CreatedAfter  time.Time         // at this time or later
	CreatedBefore time.Time         // before this time
	Metadata      map[string]string // all of these, with these values
	Before        string            // only jobs older than the one of this ID; "": from the newest on
	Limit         int               // 1 to 100
}

// JobPage is a part of a list of jobs, the newest first.
type JobPage struct {
	Jobs []*Job // without their results
	Next string // Before of the next page; "" when there is none
}
