package queue

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/topcentral/spillway/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests.
const patience = time.Minute

var quiet = slog.New(slog.DiscardHandler)

// highTicket is a chance to run a job on the local lane.
func highTicket(job string) Ticket {
	return Ticket{JobID: job, Lane: tasks.Local, Complexity: tasks.High}
}

// serve starts a server, and the upkeep of its queues, which end with the test.
func serve(t *testing.T, rdb *redis.Client, cfg ServerConfig, h Handlers) *Server {
	t.Helper()
	upkeep, err := Maintain(rdb, quiet)
	if err != nil {
		t.Fatalf("maintain: %v", err)
	}
	t.Cleanup(upkeep.Shutdown)
	s, err := Serve(rdb, cfg, h, quiet)
	if err != nil {
		t.Fatalf("serve: %v", err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

// enqueue issues tickets that fall due at once.
func enqueue(t *testing.T, rdb *redis.Client, tickets ...Ticket) {
	t.Helper()
	for _, ticket := range tickets {
		if err := NewClient(rdb).Enqueue(t.Context(), ticket, time.Time{}); err != nil {
			t.Fatalf("enqueue %+v: %v", ticket, err)
		}
	}
}

// receive takes the next value that a handler passes on.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case v := <-from:
		return v
	case <-ctx.Done():
		t.Fatal("nothing came out of the queue")
		panic("unreachable")
	}
}

// awaitDepth polls a queue until it is as full as wanted. How long the oldest
// task has waited is left out.
func awaitDepth(t *testing.T, rdb *redis.Client, want Depth) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		got := depth(t, rdb, want.Queue)
		got.Oldest = 0
		if got == want {
			return
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			t.Fatalf("queue: got %+v, want %+v", got, want)
		}
	}
}

func depth(t *testing.T, rdb *redis.Client, name string) Depth {
	t.Helper()
	all, err := NewInspector(rdb).Depths()
	if err != nil {
		t.Fatalf("inspect: %v", err)
	}
	for _, d := range all {
		if d.Queue == name {
			return d
		}
	}
	return Depth{Queue: name}
}
