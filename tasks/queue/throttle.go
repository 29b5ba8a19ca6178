package queue

import (
	"sync"
	"time"
)

const (
	// throttledPoll is how often a server looks at a queue whose tickets are for
	// others: seldom compared to pollEvery, so that a server that can run them and is free
	// comes first.
	throttledPoll = 500 * time.Millisecond
	// throttledBatch is how many tasks it takes from the queue at each look: its own
	// may be behind those for others.
	throttledBatch = 50
	// throttledFor is how long after the last such ticket is back it goes on.
	throttledFor = 2 * time.Second
)

// throttle bounds how many tasks a server takes from queues that have tickets for
// other servers. The zero value bounds nothing. It is safe for concurrent use.
type throttle struct {
	mu     sync.Mutex
	queues map[string]*throttled // by key of the queue's list
}

type throttled struct {
	until time.Time // when the queue is like any other again
	looks time.Time // when it is looked at next
	left  int       // tasks that this look may still take
}

// slow bounds what is taken from a queue until the ticket that was handed back has
// had the time to go elsewhere.
func (t *throttle) slow(pending string, pause time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.queues == nil {
		t.queues = map[string]*throttled{}
	}
	q := t.queues[pending]
	if q == nil {
		q = &throttled{looks: time.Now().Add(throttledPoll), left: throttledBatch - 1}
		t.queues[pending] = q
	}
	if until := time.Now().Add(pause + forwardEvery + throttledFor); until.After(q.until) {
		q.until = until
	}
}

// allows reports whether a task may be taken from a queue now, and counts it.
func (t *throttle) allows(pending string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	q, now := t.queues[pending], time.Now()
	switch {
	case q == nil:
		return true
	case !now.Before(q.until):
		delete(t.queues, pending)
		return true
	case !now.Before(q.looks):
		q.looks, q.left = now.Add(throttledPoll), throttledBatch
	}
	q.left--
	return q.left >= 0
}
