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
		w := &witness{waits: make(chan bool, 1)}
		rdb.AddHook(w)
		arrived := make(chan string, 1)
		serve(t, rdb, ServerConfig{Queues: Names(tasks.Local), Slots: 1}, Handlers{Ticket: func(_ context.Context, got Ticket) error {
			arrived <- got.JobID
			return nil
		}})
		receive(t, w.waits)
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
	waits chan bool    // a wait for a task has begun
	asked atomic.Int32 // scripts that take a task
}

func (w *witness) DialHook(next redis.DialHook) redis.DialHook { return next }

func (w *witness) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		switch {
		case slices.Contains(cmd.Args(), any(keysOf("local.high").paused())):
			w.asked.Add(1)
		case cmd.Name() == "blpop":
			select {
			case w.waits <- true:
			default:
			}
		}
		return next(ctx, cmd)
	}
}

func (w *witness) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// far answers from afar: every queue is empty, and nobody may wait.
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

func (f *far) Exists(ctx context.Context, _ ...string) *redis.IntCmd {
	f.looks++
	time.Sleep(f.away)
	return redis.NewIntCmd(ctx)
}

func (f *far) BLPop(ctx context.Context, _ time.Duration, _ ...string) *redis.StringSliceCmd {
	reply := redis.NewStringSliceCmd(ctx)
	reply.SetErr(errors.New("NOPERM this user has no permissions to run the 'blpop' command"))
	return reply
}

// A server that is far from Redis does not go there for every queue.
func TestOneLookIsForAllQueuesAlsoFromAfar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
		defer rdb.Close()
		f := &far{UniversalClient: rdb, away: 40 * time.Millisecond}
		names := Names(tasks.Local)
		by := scouting(f, ServerConfig{Queues: names, Poll: pollEvery}, quiet)
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

// A server that waits finds what has come: at once where it was woken, and else by its
// next look. What has come to a paused queue it leaves.
func TestAWaitingServerFindsATask(t *testing.T) {
	for _, test := range []struct {
		name  string
		come  func(rdb *redis.Client, k queueKeys)
		every time.Duration // it looks without a wake-up
		found bool
	}{
		{"at once with a wake-up", func(rdb *redis.Client, k queueKeys) {
			rdb.LPush(t.Context(), k.pending(), "id")
			wake(t.Context(), rdb, map[string]int{"last": 1})
		}, patience, true},
		{"by its next look without one", func(rdb *redis.Client, k queueKeys) {
			rdb.LPush(t.Context(), k.pending(), "id")
		}, 2 * time.Second, true},
		{"not while the queue is paused", func(rdb *redis.Client, k queueKeys) {
			rdb.Set(t.Context(), k.paused(), "1", 0)
			rdb.LPush(t.Context(), k.pending(), "id")
		}, 2 * time.Second, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
				w := &witness{waits: make(chan bool, 1)}
				rdb.AddHook(w)
				last := keysOf("last")
				by := scouting(rdb, ServerConfig{Queues: []string{"first", "last"}, Poll: pollEvery}, quiet)
				by.wakeups.every = test.every
				found := make(chan bool, 1)
				go func() {
					by.mayHold(t.Context(), keysOf("first").pending())
					found <- by.mayHold(t.Context(), last.pending())
				}()
				receive(t, w.waits)
				test.come(rdb, last)
				if got := receive(t, found); got != test.found {
					t.Errorf("found: %t, want %t", got, test.found)
				}
			})
		})
	}
}

// What came with one wake-up wakes as many servers as it needs.
func TestAWokenServerWakesTheNext(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		for _, id := range []string{"j1", "j2", "j3"} {
			do(t, rdb, "LPUSH", keysOf("q").pending(), id)
		}
		const take = `return redis.call("RPOP", KEYS[1])`
		do(t, rdb, "SCRIPT", "LOAD", take)
		k := keysOf("q")
		for range 2 {
			do(t, rdb, "DEL", wakeKey("q"))
			by := scouting(rdb, ServerConfig{Queues: []string{"q"}, Poll: pollEvery}, quiet)
			by.woken = true
			if err := by.EvalSha(t.Context(), redis.NewScript(take).Hash(), []string{k.pending(), k.paused(), k.active(), k.lease()}).Err(); err != nil {
				t.Fatal(err)
			}
			if n := rdb.LLen(t.Context(), wakeKey("q")).Val(); n != 1 {
				t.Errorf("%d wake-ups for those that can take the rest, want 1", n)
			}
		}
	})
}

func TestAServerThatStopsDoesNotWait(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		seen := &witness{waits: make(chan bool, 1)}
		rdb.AddHook(seen)
		w := newWakeups(rdb, []string{"q"}, quiet)
		w.every = patience
		ended := make(chan bool, 1)
		go func() {
			woken, _ := w.wait(t.Context())
			ended <- woken
		}()
		receive(t, seen.waits)
		w.stop()
		if receive(t, ended) {
			t.Error("it was woken, not stopped")
		}
		wake(t.Context(), rdb, map[string]int{"q": 1})
		if _, waited := w.wait(t.Context()); waited {
			t.Error("it waits again")
		}
		if n := rdb.LLen(t.Context(), wakeKey("q")).Val(); n != 1 {
			t.Errorf("%d wake-ups are left for others, want 1", n)
		}
	})
}

// Who may not wait polls.
func TestAServerThatMayNotWaitPolls(t *testing.T) {
	server := redistest.Start(t)
	admin := server.Client(t)
	do(t, admin, "ACL", "SETUSER", "default", "-blpop")
	arrived := make(chan string, 1)
	serve(t, admin, highQueue, Handlers{Ticket: func(_ context.Context, got Ticket) error {
		arrived <- got.JobID
		return nil
	}})
	for _, id := range []string{"j1", "j2"} {
		enqueue(t, admin, highTicket(id))
		if got := receive(t, arrived); got != id {
			t.Errorf("got %s, want %s", got, id)
		}
	}
}
