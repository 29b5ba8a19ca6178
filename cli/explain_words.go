package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

// reason says in a sentence what decided the plan, with its numbers.
func (e explanation) reason() string {
	if e.Plan == nil {
		return "none is kept with this job."
	}
	first, second := e.planned(0), e.planned(1)
	switch e.Plan.Reason {
	case tasks.PlanFirstLane:
		return fmt.Sprintf("%s first, which has time for it (pressure %.2f%s); %s gets its chance at %s, while it can still make the target.",
			first.Lane, first.Pressure, e.limit(", below %.1f", 1), second.Lane, e.chance(second))
	case tasks.PlanPressed:
		return fmt.Sprintf("%s alone would use %.0f %% of the time to the target (%s of work ahead, %s of its own%s), so %s gets its chance at once, too.",
			first.Lane, 100*first.Pressure, span(first.Backlog.Std()), span(first.Expected.Std()), e.limit("; the limit is %.0f %%", 100), second.Lane)
	case tasks.PlanUnserved:
		return fmt.Sprintf("no live worker serves %s for this job, so it does not wait for it.", first.Lane)
	case tasks.PlanOnlyLane:
		if !first.Served {
			return fmt.Sprintf("%s is the only lane with a model that the job may use; no live worker serves it for this job yet.", first.Lane)
		}
		if second.Lane != "" && second.Lane != tasks.Scorecard {
			return fmt.Sprintf("%s alone: no live worker serves %s for this job.", first.Lane, second.Lane)
		}
		return fmt.Sprintf("%s is the only lane with a model that the job may use.", first.Lane)
	case tasks.PlanScheduled:
		if e.RunAt.IsZero() { // of the run before a retry
			return "it was to run later than it was submitted."
		}
		return fmt.Sprintf("it runs no sooner than %s.", e.clock(e.RunAt))
	case tasks.PlanCheapHours:
		return "it may wait, so the cloud is not asked before its cheap hours."
	case tasks.PlanCached:
		return "none was needed: an equal job had a result."
	case tasks.PlanShared:
		return e.shared()
	case tasks.PlanFastPath:
		return "none was needed: the agent's scorecard calls the case clear."
	case tasks.PlanLastResort:
		if e.OnExhausted == tasks.GiveUp {
			return "no live worker serves a lane with a model that the job may use, so it fails, as it asks."
		}
		return "no live worker serves a lane with a model, so the scorecard answers."
	}
	return string(e.Plan.Reason) + "."
}

// shared says how the waiting for an equal job went.
func (e explanation) shared() string {
	const began = "an equal job was under way, so this one waited for its result"
	switch {
	case e.AnsweredBy == tasks.ByCache:
		return began + ", and got it."
	case len(e.Attempts) > 0:
		return began + "; none came in time, so it ran by itself."
	}
	return began + "."
}

// limit formats the plan's limit of time pressure, times a factor; "" if the plan
// does not record it.
func (e explanation) limit(format string, times float64) string {
	if e.Plan.PressureLimit == 0 {
		return ""
	}
	return fmt.Sprintf(format, times*e.Plan.PressureLimit)
}

// planned is a lane of the plan, the zero value if there are fewer.
func (e explanation) planned(i int) tasks.LanePlan {
	if i >= len(e.Plan.Lanes) {
		return tasks.LanePlan{}
	}
	return e.Plan.Lanes[i]
}

// chance says when a lane of the plan gets its chance.
func (e explanation) chance(l tasks.LanePlan) string {
	if !l.Served {
		return "-"
	}
	if l.At.IsZero() || !l.At.After(e.CreatedAt) {
		return "at once"
	}
	return e.offset(l.At)
}

// next says who would have been asked next: after the last call, then on the
// lanes that had not given up.
func (e explanation) next() string {
	if e.Plan == nil || e.atOnce() && e.State.Terminal() {
		return ""
	}
	var after []string
	lane := tasks.Lane("")
	if n := len(e.Attempts); n > 0 {
		after, lane = slices.Clone(e.Attempts[n-1].Next), e.Attempts[n-1].Lane
	}
	for _, l := range e.Plan.Lanes {
		tried := slices.ContainsFunc(e.Attempts, func(a tasks.Attempt) bool { return a.Lane == l.Lane })
		if l.Lane != lane && !tried && len(l.Candidates) > 0 {
			after = append(after, fmt.Sprintf("%s (%s)", strings.Join(l.Candidates, ", "), l.Lane))
		}
	}
	label := "Next: "
	if e.State.Terminal() {
		label = "Next would have been: "
	}
	switch {
	case len(after) > 0:
		return label + strings.Join(after, ", then ") + "."
	case e.OnExhausted == tasks.Wait:
		return label + "none; the job waits for its providers until its deadline."
	}
	return label + "none; no candidate was left."
}

// times lists when what happened, counted from the submission.
func (e explanation) times() string {
	var all []string
	add := func(what string, at time.Time) {
		if !at.IsZero() {
			if at.Before(e.CreatedAt) {
				at = e.CreatedAt // by the clock of the API, which is not that of Redis
			}
			all = append(all, what+" "+e.offset(at))
		}
	}
	add("run at", e.RunAt)
	add("started", e.StartedAt)
	if len(e.Lanes) > 1 && (e.Plan == nil || !e.atOnce()) {
		add("spill", e.SpillAt)
	}
	add("target", e.TargetAt)
	add("ended", e.EndedAt)
	add("deadline", e.Deadline)
	return strings.Join(all, ", ")
}

// total sums up calls, tokens and money.
func (e explanation) total() string {
	var sum tasks.Tokens
	calls := 0
	for _, a := range e.Attempts {
		sum = sum.Add(a.Tokens)
		if a.Candidate != "" && a.Tokens != (tasks.Tokens{}) {
			calls++
		}
	}
	text := fmt.Sprintf("%s answered, %s read", plural(calls, "call"), plural(sum.Input, "token"))
	if sum.Cached > 0 {
		text += fmt.Sprintf(" (%d from the provider's cache)", sum.Cached)
	}
	text += fmt.Sprintf(", %d written", sum.Output)
	if sum.Reasoning > 0 {
		text += fmt.Sprintf(" (%d of them thinking)", sum.Reasoning)
	}
	text += ", cost " + dollars(&e.Cost)
	if e.AnsweredBy == tasks.ByCache {
		text += ", saved " + dollars(&e.Saved)
	}
	if e.Crashes > 0 {
		text += ", " + plural(e.Crashes, "worker") + " lost"
	}
	return text
}

// changedBy are the settings that an operator changes to have fewer calls refused so.
var changedBy = map[string]string{
	tasks.OutcomeLimitReached: "SPILLWAY_LIMITS raises it",
	tasks.OutcomeBudgetSpent:  "SPILLWAY_BUDGETS raises it",
	tasks.OutcomeBreakerOpen:  "SPILLWAY_BREAKER_COOL_DOWN sets for how long, unless a key or an account was refused",
}

// remarks returns what does not fit in a row.
func (e explanation) remarks(a tasks.Attempt) string {
	var all []string
	if a.Message != "" {
		all = append(all, a.Message)
	}
	if a.Estimated {
		all = append(all, "tokens and cost are an estimate, since the provider reported none")
	}
	if !a.RetryAt.IsZero() {
		all = append(all, "until "+e.offset(a.RetryAt))
	}
	if setting := changedBy[a.Outcome]; setting != "" {
		all = append(all, setting)
	}
	if len(a.Masked) > 0 {
		var kinds []string
		for _, kind := range slices.Sorted(maps.Keys(a.Masked)) {
			kinds = append(kinds, fmt.Sprintf("%d %s", a.Masked[kind], kind))
		}
		all = append(all, "masked "+strings.Join(kinds, ", "))
	}
	if len(a.UnknownTokens) > 0 {
		all = append(all, "mask tokens made up by the model: "+strings.Join(a.UnknownTokens, ", "))
	}
	if a.TokenLimit > 0 {
		all = append(all, fmt.Sprintf("at most %s allowed", plural(a.TokenLimit, "token")))
	}
	return strings.Join(all, "; ")
}

// offset formats a time relative to the submission.
func (e explanation) offset(at time.Time) string {
	d := at.Sub(e.CreatedAt)
	if d < 0 {
		return "-" + span(-d)
	}
	return "+" + span(d)
}

func (e explanation) clock(at time.Time) string {
	return at.In(e.place).Format(clockForm)
}

// clockForm writes a time, always with its zone.
const clockForm = "2006-01-02 15:04:05 -07:00"

// span writes a duration in the one style that all commands and messages have.
func span(d time.Duration) string { return providers.Span(d) }

func millis(ms int64) string {
	if ms == 0 {
		return "-"
	}
	return span(time.Duration(ms) * time.Millisecond)
}

func tokens(t tasks.Tokens) string {
	if t == (tasks.Tokens{}) {
		return "-"
	}
	return fmt.Sprintf("%d/%d", t.Input, t.Output)
}

func dollars(m *tasks.Money) string {
	if m == nil {
		return "-"
	}
	return "$" + m.String()
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// commas writes names with commas between them.
func commas[T ~string](names []T) string {
	text := make([]string, len(names))
	for i, n := range names {
		text[i] = string(n)
	}
	return strings.Join(text, ", ")
}
