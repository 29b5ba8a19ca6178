package budget

import (
	"time"

	"github.com/topcentral/spillway/providers"
)

// prefix begins every key. The braces put all of them into one slot of a Redis
// Cluster: a call is booked on several accounts at once.
const prefix = "spillway:{budgets}:"

// How long what is in Redis is kept, from the last change on.
const (
	dayKept   = 40 * 24 * time.Hour
	monthKept = 400 * 24 * time.Hour
	// callKept is for how long a settled call is remembered, so that a script that the
	// network delivers twice is recognized; and lapsedKept one whose reservation has
	// lapsed, so that it is corrected when its worker settles it late.
	callKept   = 10 * time.Minute
	lapsedKept = 24 * time.Hour
)

func dayKey(at time.Time) string   { return prefix + "day:" + at.Format(time.DateOnly) }
func monthKey(at time.Time) string { return prefix + "month:" + at.Format("2006-01") }
func callKey(id string) string     { return prefix + "call:" + id }

// holdsKey lists the reservations (zset, by when they lapse).
const holdsKey = prefix + "holds"

// Period is how long a budget lasts.
type Period string

// The periods, which begin at midnight in the zone of the budgets.
const (
	Day   Period = "day"
	Month Period = "month"
)

// Ends returns when the period ends that a time lies in.
func (p Period) Ends(at time.Time) time.Time {
	if p == Day {
		return firstInstant(at.Year(), at.Month(), at.Day()+1, at.Location())
	}
	return firstInstant(at.Year(), at.Month()+1, 1, at.Location())
}

// firstInstant returns when a date begins. Where summer time begins at midnight
// the clock has no midnight, and time.Date returns a time on either side of the
// change.
func firstInstant(year int, month time.Month, day int, zone *time.Location) time.Time {
	at := time.Date(year, month, day, 0, 0, 0, 0, zone)
	if hour, minute, second := at.Clock(); hour == 0 && minute == 0 && second == 0 {
		return at
	}
	start, end := at.ZoneBounds()
	if at.Day() == time.Date(year, month, day, 12, 0, 0, 0, zone).Day() {
		return start
	}
	return end
}

// Scope is what a budget is for.
type Scope string

// The scopes.
const (
	Provider Scope = "provider"
	Tenant   Scope = "tenant"
	Agent    Scope = "agent"
)

// account is what calls are booked on: one of the scopes' own, in one period.
type account struct {
	scope  Scope
	name   string
	period Period
}

// owner is the name of the account within its period, as the scripts have it.
func (a account) owner() string { return string(a.scope) + ":" + a.name }

// accountsOf lists the accounts of a call, in the order of the scripts.
func accountsOf(c *providers.Call) []account {
	var all []account
	for _, p := range []Period{Day, Month} {
		all = append(all, account{Provider, c.Candidate.Provider.Name(), p}, account{Tenant, c.Owner.Tenant, p}, account{Agent, c.Owner.Agent, p})
	}
	return all
}
