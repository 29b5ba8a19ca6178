package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/topcentral/spillway/tasks"
)

type explainCommand struct {
	server
	ID string `arg:"" help:"ID of the job."`
}

// Help gives examples.
func (explainCommand) Help() string {
	return "Explains on one screen why a job ran where it did and what it cost: the plan and its numbers, what each\n" +
		"candidate did, and which would have been next. Times count from the submission.\n\n" +
		"Examples:\n  spillway explain job_0190…\n  spillway explain $(spillway submit A05 -f examples/a05_customer.json)"
}

// Run explains the job.
func (c explainCommand) Run(ctx context.Context, s streams) error {
	j, err := c.client().Get(ctx, c.ID)
	if err != nil {
		return err
	}
	explain(s.out, j, time.Local)
	return nil
}

// explanation writes about one job.
type explanation struct {
	printer
	*tasks.Job
	place *time.Location
}

// explain prints why a job went where it went, and what it cost.
func explain(w io.Writer, j *tasks.Job, place *time.Location) {
	e := explanation{printer{w}, j, place}
	e.line("%s  %s, %s, tenant %s, submitted %s", j.ID, j.Agent, j.Complexity, j.Tenant, j.CreatedAt.In(place).Format(clockForm))
	e.line("%s", e.fate())
	if asked := e.asked(); asked != "" {
		e.line("Asked for: %s.", asked)
	}
	e.line("")
	e.line("Plan: %s", e.reason())
	if j.Plan != nil && !e.atOnce() {
		e.lanes()
	}
	if j.Replanned != nil {
		e.Job = withPlan(j, j.Replanned)
		e.line("Plan since %s: %s", e.offset(j.Replanned.MadeAt), e.reason())
		e.lanes()
	}
	e.line("")
	e.attempts()
	if next := e.next(); next != "" {
		e.line("%s", next)
	}
	e.line("")
	e.line("Times: %s.", e.times())
	e.line("Total: %s.", e.total())
}

// withPlan returns the job with another plan.
func withPlan(j *tasks.Job, p *tasks.Plan) *tasks.Job {
	changed := *j
	changed.Plan = p
	return &changed
}

// fate describes the state of the job in a sentence.
func (e explanation) fate() string {
	switch e.State {
	case tasks.Succeeded:
		return fmt.Sprintf("Succeeded after %s, answered by %s.", span(e.EndedAt.Sub(e.CreatedAt)), e.answerer())
	case tasks.Failed:
		why := "for no reason on record"
		if e.Error != nil {
			why = fmt.Sprintf("%s (%s)", e.Error.Message, e.Error.Code)
		}
		return fmt.Sprintf("Failed after %s: %s.", span(e.EndedAt.Sub(e.CreatedAt)), strings.TrimSuffix(why, "."))
	case tasks.Canceled:
		return fmt.Sprintf("Canceled after %s.", span(e.EndedAt.Sub(e.CreatedAt)))
	case tasks.Running:
		return fmt.Sprintf("Runs on %s, attempt %d.", e.Lane, e.Attempt)
	case tasks.Queued:
		return e.waits()
	case tasks.Scheduled:
		return fmt.Sprintf("Scheduled; it runs at %s.", e.clock(e.RunAt))
	}
	return fmt.Sprintf("Is %s.", e.State)
}

// answerer names who gave the result.
func (e explanation) answerer() string {
	switch e.AnsweredBy {
	case tasks.ByCache:
		return fmt.Sprintf("the cache, with the result of %s", e.AnsweredAs)
	case tasks.ByFastPath:
		return "the agent's scorecard at once: a clear case"
	case tasks.ByScorecard:
		return "the agent's scorecard as the last resort (degraded)"
	case tasks.ByModel:
		if i := slices.IndexFunc(e.Attempts, func(a tasks.Attempt) bool { return a.Outcome == tasks.OutcomeSucceeded }); i >= 0 {
			return fmt.Sprintf("%s on %s", e.Attempts[i].Candidate, e.Attempts[i].Lane)
		}
	}
	return "a model"
}

// waits describes where a queued job is in its queue.
func (e explanation) waits() string {
	if e.Waiting == nil {
		return "Queued."
	}
	if strings.HasPrefix(e.Waiting.Queue, "shared.") {
		return "Waits for the result of an equal job that is under way."
	}
	text := "Waits in " + e.Waiting.Queue
	if e.Waiting.Position > 0 {
		text += fmt.Sprintf(" at position %d", e.Waiting.Position)
	}
	if !e.Waiting.ExpectedEnd.IsZero() {
		text += fmt.Sprintf("; its end is expected at %s", e.offset(e.Waiting.ExpectedEnd))
	}
	if a := e.awaited(); a.Candidate != "" {
		text += fmt.Sprintf("; %s is asked again at %s (%s)", a.Candidate, e.offset(a.RetryAt), a.Outcome)
	}
	return text + "."
}

// asked lists what the submission asked for beyond the usual.
func (e explanation) asked() string {
	var all []string
	add := func(when bool, what string) {
		if when {
			all = append(all, what)
		}
	}
	add(e.Privacy != tasks.PrivacyAny, "privacy "+string(e.Privacy))
	add(e.OnExhausted != tasks.Degrade, "on_exhausted "+string(e.OnExhausted))
	add(e.Priority != "", "priority "+string(e.Priority))
	add(len(e.Candidates) > 0, "candidates "+strings.Join(e.Candidates, ", "))
	add(e.Cache == tasks.CacheBypassed, "no result of an equal job")
	add(e.Flexible, "cheap hours")
	add(e.Variant != "", "variant "+e.Variant)
	return strings.Join(all, "; ")
}

// atOnce reports whether no lane was needed.
func (e explanation) atOnce() bool {
	return e.Plan.Reason == tasks.PlanCached || e.Plan.Reason == tasks.PlanFastPath
}

// table writes rows whose cells, separated by tabs, line up.
func (e explanation) table(rows func(row func(cells ...string))) {
	out := tabwriter.NewWriter(e.w, 0, 0, 2, ' ', 0)
	rows(func(cells ...string) { fmt.Fprintf(out, "  %s\n", strings.Join(cells, "\t")) })
	_ = out.Flush() // the writer behind it is the terminal
}

// lanes shows what was expected of each lane.
func (e explanation) lanes() {
	e.table(func(row func(...string)) {
		row("lane", "served", "chance", "pressure", "ahead", "runs", "95 %", "candidates")
		for _, l := range e.Plan.Lanes {
			served := "yes"
			if !l.Served {
				served = "no"
			}
			pressure, ahead, runs, slow := "-", "-", "-", "-"
			if l.Expected > 0 {
				pressure = strconv.FormatFloat(l.Pressure, 'f', 2, 64)
				ahead, runs, slow = span(l.Backlog.Std()), span(l.Expected.Std()), span(l.Expected95.Std())
			}
			row(string(l.Lane), served, e.chance(l), pressure, ahead, runs, slow, cmp.Or(strings.Join(l.Candidates, ", "), "none"))
		}
	})
}

// attempts shows what each candidate did.
func (e explanation) attempts() {
	if len(e.Attempts) == 0 {
		e.line("Attempts: none %s.", map[bool]string{true: "were needed or made", false: "on record yet"}[e.State.Terminal()])
		return
	}
	groups := grouped(e.Attempts)
	e.line("Attempts:")
	e.table(func(row func(...string)) {
		row("#", "lane", "candidate", "outcome", "at", "first token", "took", "tokens in/out", "cost", "budget left", "breaker")
		for _, g := range groups {
			a := g.last
			row(g.numbers(), string(a.Lane), cmp.Or(a.Candidate, "-"), g.outcome(), e.span(g),
				millis(a.FirstTokenMS), millis(a.DurationMS), tokens(g.tokens), dollars(&g.cost), dollars(a.BudgetLeft), cmp.Or(a.Breaker, "-"))
		}
	})
	for _, g := range groups {
		if note := e.remarks(g.last); note != "" {
			e.line("  #%s %s: %s", g.numbers(), cmp.Or(g.last.Candidate, "cut"), note)
		}
	}
}
