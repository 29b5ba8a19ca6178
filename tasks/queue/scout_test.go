package queue

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

func TestQueuesThatAreEmptyAreNotAsked(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		w := &witness{looked: make(chan bool, 1)}
		rdb.AddHook(w)
		arrived := make(chan string, 1)
		serve(t, rdb, ServerConfig{Queues: Names(tasks.Local), Slots: 1}, Handlers{Ticket: func(_ context.Context, got Ticket) error {
			arrived <- got.JobID
			return nil
		}})
		for range 3 {
			receive(t, w.looked)
		}
		if asked := w.asked.Load(); asked != 0 {
			t.Errorf("%d empty queues were asked for a task", asked)
		}
		enqueue(t, rdb, highTicket("j1"))
		if got := receive(t, arrived); got != "j1" {
			t.Errorf("got %s, want j1", got)
		}
	})
}

// witness sees what a server asks.
type witness struct {
	redis.Hook
	looked chan bool    // a look at all queues at once
	asked  atomic.Int32 // scripts that take a task
}

func (w *witness) DialHook(next redis.DialHook) redis.DialHook { return next }

func (w *witness) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if slices.Contains(cmd.Args(), any(keysOf("local.high").paused())) {
			w.asked.Add(1)
		}
		return next(ctx, cmd)
	}
}

func (w *witness) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if len(cmds) == len(Names(tasks.Local)) {
			select {
			case w.looked <- true:
			default:
			}
		}
		return err
	}
}

// far answers from afar: every queue is empty.
type far struct {
	redis.UniversalClient
	away  time.Duration // there and back
	looks int
}

func (f *far) Pipelined(ctx context.Context, fn func(redis.Pipeliner) error) ([]redis.Cmder, error) {
	f.looks++
	time.Sleep(f.away)
	return nil, fn(f.Pipeline())
}

// A server that is far from Redis does not go there for every queue.
func TestOneLookIsForAllQueuesAlsoFromAfar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
		defer rdb.Close()
		f := &far{UniversalClient: rdb, away: 40 * time.Millisecond}
		names := Names(tasks.Local)
		by := scouting(f, names, pollEvery)
		for range 3 {
			for _, q := range names {
				k := keysOf(q)
				err := by.EvalSha(t.Context(), "sha", []string{k.pending(), k.paused(), k.active(), k.lease()}).Err()
				if !errors.Is(err, redis.Nil) {
					t.Errorf("%s: got %v, want %v", q, err, redis.Nil)
				}
			}
			time.Sleep(pollEvery / 2) // as asynq does, at least
		}
		if f.looks != 3 {
			t.Errorf("got %d looks in 3 rounds, want one each", f.looks)
		}
	})
}

func TestAnyTaskIsSeenAgainByTheNextLook(t *testing.T) {
	rdb := redistest.Embedded(t)
	first, last := keysOf("first"), keysOf("last")
	ask := func(by redis.UniversalClient, k queueKeys) error {
		const take = `return redis.call("LPOP", KEYS[1])`
		if err := rdb.ScriptLoad(t.Context(), take).Err(); err != nil {
			t.Fatal(err)
		}
		keys := []string{k.pending(), k.paused(), k.active(), k.lease()}
		return by.EvalSha(t.Context(), redis.NewScript(take).Hash(), keys).Err()
	}
	const long = patience
	for _, test := range []struct {
		name    string
		by      redis.UniversalClient
		earlier bool // the queue was looked at when it was empty
		seen    bool
	}{
		{"after the look that found the queue empty has aged", scouting(rdb, []string{"first", "last"}, 0), true, true},
		{"not while that is fresh", scouting(rdb, []string{"first", "last"}, long), true, false},
		{"by the first look", scouting(rdb, []string{"first", "last"}, long), false, true},
		{"where there is but one queue", scouting(rdb, []string{"last"}, long), true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			rdb.FlushAll(t.Context())
			if test.earlier {
				if err := ask(test.by, last); err == nil {
					t.Error("a task came out of an empty queue")
				}
			}
			do(t, rdb, "LPUSH", last.pending(), "id")
			if err := ask(test.by, first); err == nil {
				t.Error("a task came out of an empty queue")
			}
			if err := ask(test.by, last); (err == nil) != test.seen {
				t.Errorf("the task in the other queue: %v; seen: want %t", err, test.seen)
			}
		})
	}
}
