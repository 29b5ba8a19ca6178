package limits

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

const (
	// freePoll is how often the next call asks whether a call in flight has ended in
	// another process; those of its own process wake it. Where calls are shorter it
	// asks more often, after a tenth of their length, but no sooner than shortPoll.
	freePoll  = 250 * time.Millisecond
	shortPoll = 20 * time.Millisecond
	// overdue is how late a call that waits may ask again and keep its turn.
	overdue = 100 * time.Millisecond
	// unknownCall is how long a call is taken to last before one has ended here.
	unknownCall = 2 * time.Second
	// weight is how much the latest call counts in what is expected of the next.
	weight = 0.2
)

// waiters are the calls of this process that wait for the limits of a scope, and
// what is expected of those in flight. It is safe for concurrent use.
type waiters struct {
	scope string

	mu     sync.Mutex
	jobs   map[string]waiter // by job
	freed  chan struct{}     // closed when a call ends
	took   time.Duration     // that a call takes; 0: not known yet
	tokens float64           // that it uses; 0: not known yet
}

// waiter is one call.
type waiter struct {
	since time.Time // it goes before those that have waited for less
	asks  time.Time // when it asks again
	verdict
}

// verdict is what enter.lua has found.
type verdict struct {
	wait     time.Duration
	what     string        // closed, calls, requests or tokens
	underWay int64         // calls
	oldest   time.Duration // since the first of them began
}

func verdictOf(reply []any) verdict {
	var v verdict
	ms, _ := reply[0].(int64)
	v.wait = time.Duration(ms) * time.Millisecond
	v.what, _ = reply[1].(string)
	if len(reply) > 3 {
		v.underWay, _ = reply[2].(int64)
		ms, _ = reply[3].(int64)
		v.oldest = time.Duration(ms) * time.Millisecond
	}
	return v
}

func newWaiters(scope string) *waiters {
	return &waiters{scope: scope, jobs: map[string]waiter{}, freed: make(chan struct{})}
}

// behind refuses a call that is not to go before an older one, which asks again
// about now. It returns nil when there is none.
func (q *waiters) behind(ctx context.Context, c *providers.Call, l providers.Limits, now time.Time) *providers.Refusal {
	if c.Job == "" {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for job, p := range q.jobs {
		if p.asks.Add(overdue).Before(now) {
			delete(q.jobs, job)
			continue
		}
		if job != c.Job && p.since.Before(c.Since) && p.asks.Before(now.Add(freePoll)) {
			p.wait = max(0, p.asks.Sub(now))
			return q.refusal(ctx, c, l, p.verdict, now)
		}
	}
	return nil
}

// refuse returns the refusal of a call by what the limits have said.
func (q *waiters) refuse(ctx context.Context, c *providers.Call, l providers.Limits, v verdict, now time.Time) *providers.Refusal {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.refusal(ctx, c, l, v, now)
}

// refusal adds the call to the waiters, unless its time is over before its turn comes.
// It needs the lock.
func (q *waiters) refusal(ctx context.Context, c *providers.Call, l providers.Limits, v verdict, now time.Time) *providers.Refusal {
	before := 0
	for job, p := range q.jobs {
		if job != c.Job && p.since.Before(c.Since) && p.asks.Add(overdue).After(now) {
			before++
		}
	}
	wait := q.turn(l, v, before)
	delete(q.jobs, c.Job)
	if deadline, bounded := ctx.Deadline(); c.Job != "" && (!bounded || deadline.After(now.Add(wait))) {
		q.jobs[c.Job] = waiter{c.Since, now.Add(wait), v}
	}
	return &providers.Refusal{
		Reason: tasks.OutcomeLimitReached, Condition: providers.Busy, RetryAfter: wait, Ready: q.freed,
		Message: fmt.Sprintf("%s: %s", q.scope, because(v.what, l)) + ahead(before),
	}
}

// turn is how long it takes until a call's turn may come, when so many go
// before it.
func (q *waiters) turn(l providers.Limits, v verdict, before int) time.Duration {
	each := time.Duration(0)
	switch v.what {
	case "calls":
		v.wait = q.poll()
		each = q.took / time.Duration(max(1, v.underWay))
	case "tokens":
		// What a call in flight does not use of what was set aside for it comes back
		// at its end.
		if v.underWay > 0 {
			v.wait = min(v.wait, max(cmp.Or(q.took, unknownCall)-v.oldest, q.poll()))
		}
		each = time.Duration(q.tokens / float64(max(1, l.TokensPerMinute)) * float64(time.Minute))
	default:
		if l.RequestsPerMinute > 0 {
			each = time.Minute / time.Duration(l.RequestsPerMinute)
		}
	}
	return max(v.wait+time.Duration(before)*each, time.Millisecond)
}

// poll is how long the next call waits before it asks again.
func (q *waiters) poll() time.Duration {
	if q.took == 0 {
		return freePoll
	}
	return min(max(q.took/10, shortPoll), freePoll)
}

// remove removes a job.
func (q *waiters) remove(job string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.jobs, job)
}

// leave lets those that wait ask again, and learns from how a call went.
func (q *waiters) leave(a *providers.Attempt, took time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	close(q.freed)
	q.freed = make(chan struct{})
	if !a.Called {
		return
	}
	if q.took == 0 {
		q.took = took
	}
	q.took += time.Duration(weight * float64(took-q.took))
	if used := float64(a.Usage.Input + a.Usage.Output); used > 0 {
		if q.tokens == 0 {
			q.tokens = used
		}
		q.tokens += weight * (used - q.tokens)
	}
}

// because says which limit is reached.
func because(what string, l providers.Limits) string {
	switch what {
	case "closed":
		return "the provider asked for a pause"
	case "calls":
		if l.Concurrency == 0 {
			return "the provider recently refused more concurrent calls"
		}
		return fmt.Sprintf("no more than %d calls at once are allowed (concurrency)", l.Concurrency)
	case "requests":
		return fmt.Sprintf("no more than %d requests per minute are allowed (rpm)", l.RequestsPerMinute)
	}
	return fmt.Sprintf("no more than %d tokens per minute are allowed (tpm)", l.TokensPerMinute)
}

// ahead says how many calls go first.
func ahead(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "; 1 older job is waiting"
	}
	return fmt.Sprintf("; %d older jobs are waiting", n)
}
