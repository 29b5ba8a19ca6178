package worker

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

const (
	// longestHold is how long a job keeps its slot while it waits for a candidate
	// that has no room. One that must wait longer gives the slot to others.
	longestHold = 3 * time.Second
	// early is how much sooner than its turn such a job comes back: tickets fall
	// due by the second.
	early = 2 * time.Second
	// watchSpare is how long after that a watchdog looks for the job's ticket.
	watchSpare = 10 * time.Second
)

// holdUntil is until when the attempt keeps its slot to wait for candidates that
// have no room; not beyond the time at which another lane gets its chance.
func (a *attempt) holdUntil(stopAt time.Time) time.Time {
	until := time.Now().Add(longestHold)
	if !stopAt.IsZero() && stopAt.Before(until) {
		until = stopAt
	}
	return until
}

// since orders the jobs that wait for the same limit: by priority, then by age.
func (a *attempt) since() time.Time {
	const apart = 365 * 24 * time.Hour
	switch a.job.Priority {
	case tasks.PriorityHigh:
		return a.job.CreatedAt.Add(-apart)
	case tasks.PriorityLow:
		return a.job.CreatedAt.Add(apart)
	}
	return a.job.CreatedAt
}

// later returns how the attempt ends if a candidate of its lane can still answer
// in time, though not now: the job goes back to its queue until then. A candidate
// that is only busy is waited for until the deadline. One that has failed just now
// may fail again, so a job that settles for its scorecard waits for it no longer
// than until its target.
func (a *attempt) later(ctx context.Context, err error) (o outcome, ok bool) {
	e, ok := errors.AsType[*providers.ExhaustedError](err)
	if !ok {
		return o, false
	}
	need, now := a.usualTime(ctx), time.Now()
	untilFailing := a.deadline
	if a.job.OnExhausted == tasks.Degrade {
		untilFailing = a.target()
	}
	var wait time.Duration
	if e.Busy > 0 && now.Add(e.Busy+need).Before(a.deadline) {
		wait = e.Busy
	}
	if e.Failing > 0 && now.Add(e.Failing+need).Before(untilFailing) && (wait == 0 || e.Failing < wait) {
		wait = e.Failing
	}
	if wait == 0 {
		return o, false
	}
	o = released(store.Release{Reason: store.ReasonWaiting, Recheck: wait + watchSpare})
	o.again, o.lane, o.spill = max(wait-early, time.Second), a.lane, wait != e.Busy
	return o, true
}

// usualTime is how long a call on this lane is expected to take, at the median;
// 0 when nothing is known.
func (a *attempt) usualTime(ctx context.Context) time.Duration {
	view, err := a.Dispatcher.View(ctx)
	if err != nil {
		return 0
	}
	need := view.Expected(a.lane, a.job)
	if most := a.cfg.LongestCall[a.lane]; most > 0 {
		need = min(need, most)
	}
	return need
}

// target is the job's target by this machine's clock.
func (a *attempt) target() time.Time { return a.deadline.Add(a.job.TargetAt.Sub(a.job.Deadline)) }

// issueLater gives a job that waits for its lane a ticket for the time at which
// that may answer. If the lane has failed, the others get their chance now, not
// only at the spill time.
func (a *attempt) issueLater(ctx context.Context, j *tasks.Job, o outcome) error {
	now := time.Now()
	err := a.Dispatcher.IssueOn(ctx, j, o.lane, now.Add(o.again))
	for _, lane := range j.OpenLanes() {
		if err != nil || !o.spill || lane == o.lane || lane == tasks.Scorecard || !now.Before(j.SpillAt) {
			continue
		}
		err = a.Dispatcher.IssueOn(ctx, j, lane, now)
	}
	return err
}

// waits is how many of the job's claims have ended because its candidates had no
// room yet, or could not be reached yet.
func (a *attempt) waits() int { return a.claimsWith(hadNoRoom) }

// claimsWith counts the job's claims in which something of that kind has happened.
func (a *attempt) claimsWith(is func(tasks.Attempt) bool) int {
	n, last := 0, 0
	for _, r := range a.job.Attempts {
		if is(r) && r.Number != last {
			n, last = n+1, r.Number
		}
	}
	return n
}

// wasRefused reports whether a candidate that this worker reaches had no room, which
// says nothing of the worker.
func wasRefused(r tasks.Attempt) bool {
	return hadNoRoom(r) && r.Outcome != tasks.OutcomeUnreachable
}

// roomAt is when the first of the candidates that a waiting job was last refused
// by has room for it; zero if it was refused by none.
func roomAt(j *tasks.Job) time.Time {
	var at time.Time
	for _, r := range j.Attempts {
		if r.Number == j.Attempt && hadNoRoom(r) && (at.IsZero() || r.RetryAt.Before(at)) {
			at = r.RetryAt
		}
	}
	return at
}

// hadNoRoom reports whether a candidate was not asked because it had no room, and
// says when it will.
func hadNoRoom(r tasks.Attempt) bool {
	switch r.Outcome {
	case tasks.OutcomeLimitReached, tasks.OutcomeBudgetSpent, tasks.OutcomeBreakerOpen, tasks.OutcomeUnreachable:
		return !r.RetryAt.IsZero()
	}
	return false
}

// settled are the outcomes of calls that would end alike if they were made again
// for the same job a little later.
var settled = []string{
	string(providers.ClassBadOutput), string(providers.ClassBadRequest),
	string(providers.ClassContextOverflow), string(providers.ClassContentBlocked),
}

// unsettled returns the candidates without those that have failed for good while
// the job waited for others of its lane: each time it comes back they would be
// asked, and paid, once more. A job that asks for waiting tries them again, ever
// less often.
func (a *attempt) unsettled(candidates []providers.Candidate) []providers.Candidate {
	failed := a.settledFailures()
	left := slices.DeleteFunc(slices.Clone(candidates), func(c providers.Candidate) bool {
		f := failed[c.String()]
		return f.times > 0 && (a.job.OnExhausted != tasks.Wait || time.Since(f.last) < pauseAfter(f.times-1))
	})
	if len(left) == 0 {
		return candidates
	}
	return left
}

// failures are those of one candidate.
type failures struct {
	times int
	last  time.Time
}

// settledFailures returns the failures for good of this lane's candidates, by
// candidate, in the claims since which the job has waited for one that has no room;
// none if it has not.
func (a *attempt) settledFailures() map[string]failures {
	failed, claim, waited := map[string]failures{}, 0, 0
	for _, r := range a.job.Attempts {
		if r.Lane != a.lane {
			continue
		}
		if r.Number != claim && waited < r.Number-1 {
			clear(failed) // of an earlier wait, or run
		}
		claim = r.Number
		if hadNoRoom(r) {
			waited = r.Number
		}
		if slices.Contains(settled, r.Outcome) {
			failed[r.Candidate] = failures{failed[r.Candidate].times + 1, r.StartedAt}
		}
	}
	if waited < a.job.Attempt-1 {
		return nil
	}
	return failed
}
