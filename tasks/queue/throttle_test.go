package queue

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

func TestAThrottledQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q throttle
		taken := func(pending string) (n int) {
			for q.allows(pending) {
				if n++; n == 10*throttledBatch {
					break
				}
			}
			return n
		}
		const all = 10 * throttledBatch
		if got := taken("a"); got != all {
			t.Errorf("at first: %d tasks, want all", got)
		}
		q.slow("a", time.Second)
		if got := taken("a"); got != throttledBatch-1 {
			t.Errorf("with the first ticket for others: %d more tasks, want %d", got, throttledBatch-1)
		}
		if got := taken("b"); got != all {
			t.Errorf("of another queue: %d tasks, want all", got)
		}
		time.Sleep(throttledPoll - time.Millisecond)
		if got := taken("a"); got != 0 {
			t.Errorf("before the next look: %d tasks", got)
		}
		time.Sleep(time.Millisecond)
		if got := taken("a"); got != throttledBatch {
			t.Errorf("at the next look: %d tasks, want %d", got, throttledBatch)
		}
		time.Sleep(time.Minute)
		if got := taken("a"); got != all {
			t.Errorf("when no ticket for others came for long: %d tasks, want all", got)
		}
	})
}

// A server that hands tickets back looks at their queue seldom, so that the server
// that can run them and is free takes them first; other queues do not wait.
func TestAServerGivesWayForTicketsOfOthers(t *testing.T) {
	rdb := redistest.Embedded(t)
	for i := range throttledBatch + 10 {
		enqueue(t, rdb, highTicket(fmt.Sprint("foreign", i)))
	}
	enqueue(t, rdb, Ticket{JobID: "own", Lane: tasks.Local, Complexity: tasks.Extreme})
	type handled struct {
		job string
		at  time.Time
	}
	came := make(chan handled, 10*throttledBatch)
	serve(t, rdb, ServerConfig{Queues: Names(tasks.Local), Slots: 1}, Handlers{Ticket: func(_ context.Context, got Ticket) error {
		came <- handled{got.JobID, time.Now()}
		if got.JobID == "own" {
			return nil
		}
		return &Retry{After: 10 * time.Second, Elsewhere: true}
	}})
	first := receive(t, came)
	for range throttledBatch - 1 {
		receive(t, came)
	}
	if got := receive(t, came); got.job != "own" {
		t.Errorf("got %s, want the ticket of the other queue", got.job)
	}
	next := receive(t, came)
	if took := next.at.Sub(first.at); took < throttledPoll-100*time.Millisecond {
		t.Errorf("it looked again after %v, want about %v", took, throttledPoll)
	}
}
