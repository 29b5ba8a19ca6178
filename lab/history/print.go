package history

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Print writes the measures as a table.
func (m *Measures) Print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer func() { _ = w.Flush() }() // a terminal or a pipe that is gone
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(w)
	row("jobs asked for", "%d", m.Asked)
	row("acknowledged", "%d (%d more recorded without the client's knowing)", m.Acknowledged, m.Unclaimed)
	row("ended", "%s", counts(m.States))
	row("lost", "%d", m.Lost)
	row("lost with the last 2 s of a killed Redis", "%d", m.LostExcused)
	row("ended twice", "%d", m.Twice)
	row("attempts per job", "%s", counts(m.Attempts))
	row("went back to the queue", "%s", counts(m.Again))
	row("model calls", "%d; per job: %s", m.Calls, counts(m.CallsBy))
	row("answered by a model", "%d jobs, %d of them more than once; without a disturbance: %s", m.Paid, m.PaidTwice, cmp.Or(strings.Join(m.PaidTwiceFor, ", "), "none"))
	row("recovery after a worker's death", "%s", m.Recovery)
	row("recovery after a worker froze", "%s", m.Thawed)
	row("  either, with Redis or all peers disturbed", "%s", m.RecoveryDisturbed)
	row("cancel to abort", "%s", m.Abort)
	row("  with the worker or Redis disturbed", "%s", m.AbortDisturbed)
	row("ended after the deadline", "%s", m.Late)
	row("event streams", "%d with %d events", m.Streams, m.StreamEvents)
	row("requests without an answer", "%d", m.Unanswered)
	row("answers 503", "%s", m.Unavailable)
	row("webhooks due", "%d: %d missing, %d on their way", m.Ends, m.Missing, m.Underway)
	row("webhooks received", "%d: %d repeated by ID, %d refused by the receiver", m.Webhooks, m.Repeated, m.Untaken)
	row("webhooks after the end", "%s", m.HookDelay)
	row("submissions replayed by key", "%d", m.Replays)
	row("jobs of the flooding tenant", "%s; refused: %d", counts(m.Floods), m.FloodRefused)
	row("faults", "%s", counts(m.Faults))
	row("processes that ended by themselves", "%d", m.Exits)
	row("not tested", "%s", m.Tests.missing())
}

func (f Features) missing() string {
	var parts []string
	for name, there := range map[string]bool{"Idempotency-Key": f.Idempotency, "retry": f.Retry, "webhooks": f.Webhooks, "jumps of the clock": f.Clock} {
		if !there {
			parts = append(parts, name)
		}
	}
	slices.Sort(parts)
	return cmp.Or(strings.Join(parts, ", "), "nothing")
}

// counts writes a count per name, sorted by name.
func counts[K cmp.Ordered](by map[K]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, fmt.Sprintf("%v: %d", k, by[k]))
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}

// String returns the sample's size and shape.
func (d Durations) String() string {
	if len(d) == 0 {
		return "never"
	}
	round := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
	return fmt.Sprintf("%d times: p50 %v, p99 %v, max %v", len(d), round(d.Quantile(0.5)), round(d.Quantile(0.99)), round(slices.Max(d)))
}

// line is one moment of a job's history.
type line struct {
	at   time.Time
	text string
}

// Print writes all that is known of a job, in the order of time, with what was
// done to the system meanwhile.
func Print(out io.Writer, h *History, j *Job) {
	lines := j.lines()
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	if len(lines) > 0 {
		from, until := lines[0].at, lines[len(lines)-1].at
		for _, d := range h.Disturbances {
			if !d.From.After(until) && (d.Until.IsZero() || d.Until.After(from)) {
				lines = append(lines, line{d.From, fmt.Sprintf("%s %s (process %d) until %s", strings.ToUpper(string(d.Fault)), d.Target, d.PID, clock(d.Until))})
			}
		}
		slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	}
	fmt.Fprintf(out, "\n%s: %s\n", j.Marker, j.Plan)
	for i := range j.Stored {
		r := &j.Stored[i]
		fmt.Fprintf(out, "  stored %s: %s, attempt %d, %d events, result %t, webhooks %v\n", r.ID, r.State, r.Attempt, r.Sequence, r.Result, r.Webhooks)
	}
	for _, l := range lines {
		fmt.Fprintf(out, "  %s  %s\n", clock(l.at), l.text)
	}
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "the end"
	}
	return t.Format("15:04:05.000")
}

// repeats reports whether an answer says the same as the one before it.
func (r *Request) repeats(before *Request) bool {
	return r.Status == before.Status && r.ID == before.ID && r.Sequence == before.Sequence
}

// lines lists the moments of a job.
func (j *Job) lines() []line {
	var all []line
	add := func(at time.Time, format string, args ...any) {
		all = append(all, line{at, fmt.Sprintf(format, args...)})
	}
	for what, list := range map[string][]Request{"post": j.Submits, "read": j.Reads, "cancel": j.Cancels, "retry": j.Retries} {
		for i := range list {
			r := &list[i]
			if i > 0 && i < len(list)-1 && r.repeats(&list[i-1]) {
				continue // a client that polls hears the same many times
			}
			add(r.At, "client: %s at %s → %d %s %s %s at event %d, after %v", what, r.API, r.Status, r.Err, r.ID, r.State, r.Sequence, r.Took.Round(time.Millisecond))
		}
	}
	for _, s := range j.Streams {
		for _, e := range s.Events {
			add(e.At, "client: event %d %s", e.Sequence, e.Type)
		}
	}
	for i, c := range j.Calls {
		add(c.Start, "model: call %d (%s) %s until %s, caller left: %t", i+1, c.Lane, c.Outcome, clock(c.End), c.Left)
	}
	for _, d := range j.Webhooks {
		add(d.At, "webhook: %s %s → %d %s", d.ID, d.Type, d.Answered, d.Fault)
	}
	for i := range j.Stored {
		for _, e := range j.Stored[i].Events {
			if e.Type != "job.delta" {
				add(e.At, "log: %d %s, attempt %d %s", e.Sequence, e.Type, e.Attempt, e.Data)
			}
		}
	}
	return all
}
