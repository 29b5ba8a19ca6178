package attempt

import (
	"slices"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

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

const (
	firstWait = 10 * time.Second
	minWait   = 2 * time.Second
	maxWait   = 5 * time.Minute
)

// nextTry returns after how long a waiting job is tried again: when the first of the
// candidates that were asked last has room. One that did not say when is asked again
// soon at first, then less and less often.
func (a *attempt) nextTry(now time.Time) time.Duration {
	pause := pauseAfter(a.job.Attempt - 1 - a.waits())
	asked := lastAsked(slices.Concat(a.job.Attempts, a.records))
	if len(asked) == 0 {
		return pause
	}
	wait := maxWait
	for _, call := range asked {
		if call.RetryAt.IsZero() {
			wait = min(wait, pause)
		} else {
			wait = min(wait, call.RetryAt.Sub(now))
		}
	}
	return max(wait, minWait)
}

// pauseAfter returns how long to leave a candidate alone after so many failures.
func pauseAfter(times int) time.Duration {
	return min(firstWait<<max(0, min(times, 8)), maxWait)
}

// lastAsked returns the last call of each candidate in the last claim of each
// lane with a model.
func lastAsked(calls []tasks.Attempt) []tasks.Attempt {
	var last []tasks.Attempt
	for _, call := range calls {
		if call.Lane == tasks.Scorecard || call.Candidate == "" {
			continue
		}
		last = slices.DeleteFunc(last, func(earlier tasks.Attempt) bool {
			return earlier.Lane == call.Lane && (earlier.Number != call.Number || earlier.Candidate == call.Candidate)
		})
		last = append(last, call)
	}
	return last
}
