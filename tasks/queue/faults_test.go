package queue

import (
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
)

// scriptFaults are the tests of the scripts, each of which is made to fail at every
// command: afterwards a task is where it is found, once.
var scriptFaults = map[string]func(t *testing.T, rdb *redis.Client, fail func(func() error)){
	"census": func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
		enqueue(t, rdb, highTicket("a"))
		fail(func() error {
			k := high
			return rdb.Eval(t.Context(), censusSource, []string{k.pending(), k.active(), k.scheduled(), k.retry(), k.archived(), k.completed(),
				k.processed(), k.failed(), k.paused(), k.parked()}, k.task("")).Err()
		})
	},
	"park": func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
		parkTickets(t, NewClient(rdb), "other", 1, "before")
		c, err := park(highTicket("a"), Turn{"acme", 1})
		if err != nil {
			t.Fatal(err)
		}
		fail(func() error { return parkScript.Run(t.Context(), rdb, c.keys, c.args...).Err() })
		if got := takeAll(t, rdb); !slices.Equal(got, []string{"a", "before"}) {
			t.Errorf("got %v", got)
		}
	},
	// What a turn takes and does not return is parked again by a watchdog.
	"turn": func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
		parkTickets(t, NewClient(rdb), "acme", 1, "a", "b")
		fail(func() error {
			return turnScript.Run(t.Context(), rdb, []string{high.turns(), high.past(), high.parked()}, high.line(""), 1).Err()
		})
		parkTickets(t, NewClient(rdb), "acme", 1, "a", "b")
		if got := takeAll(t, rdb); !slices.Contains(got, "b") || len(got) > 2 {
			t.Errorf("got %v", got)
		}
		if n := do(t, rdb, "EXISTS", high.turns(), high.past(), high.parked(), high.line("acme")); n != int64(0) {
			t.Errorf("%v keys are left", n)
		}
	},
	"ahead": func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
		parkTickets(t, NewClient(rdb), "acme", 1, "a", "b")
		fail(func() error {
			_, _, err := NewClient(rdb).Ahead(t.Context(), highTicket("b"), "acme")
			return err
		})
	},
	"ghost": func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
		do(t, rdb, "LPUSH", high.pending(), "gone")
		do(t, rdb, "ZADD", high.scheduled(), 1, "gone")
		do(t, rdb, "ZADD", high.lease(), 1, "gone")
		fail(func() error { return second(ghost(t.Context(), rdb, "local.high", "gone")) })
		if in := states(t, rdb, high, "gone"); len(in) != 0 {
			t.Errorf("it is still in %v", in)
		}
	},
	"leaseless": func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
		k := keysOf(Webhooks)
		do(t, rdb, "HSET", k.task("lost"), "msg", "m", "state", "active")
		do(t, rdb, "LPUSH", k.active(), "lost")
		fail(func() error { return second(leaseless(t.Context(), rdb, Webhooks, "lost")) })
		if in := states(t, rdb, k, "lost"); !slices.Equal(in, []string{"pending"}) {
			t.Errorf("it is in %v", in)
		}
		if n := do(t, rdb, "LLEN", k.pending()); n != int64(1) {
			t.Errorf("it is pending %v times", n)
		}
	},
	"unplaced": func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
		k := keysOf(Webhooks)
		do(t, rdb, "HSET", k.task("lost"), "msg", "m", "state", "pending")
		fail(func() error { return second(unplaced(t.Context(), rdb, Webhooks, "lost", requeue)) })
		if in := states(t, rdb, k, "lost"); !slices.Equal(in, []string{"pending"}) {
			t.Errorf("it is in %v", in)
		}
		if n := do(t, rdb, "LLEN", k.pending()); n != int64(1) {
			t.Errorf("it is pending %v times", n)
		}
	},
}

func TestAnErrorAtAnyCommandOfAScript(t *testing.T) {
	names := []string{}
	for name, test := range scriptFaults {
		names = append(names, name)
		t.Run(name, func(t *testing.T) { redistest.EachCommand(t, test) })
	}
	redistest.CheckScripts(t, "lua", names...)
}

// A task whose server is gone is deleted so that its ID can be issued again.
func TestAnErrorWhileAnIDIsFreed(t *testing.T) {
	redistest.EachCommand(t, func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
		do(t, rdb, "HSET", high.task("old"), "msg", "m", "state", "active")
		do(t, rdb, "LPUSH", high.active(), "old")
		do(t, rdb, "ZADD", high.lease(), 1, "old")
		fail(func() error { return second(unplaced(t.Context(), rdb, "local.high", "old", free)) })
		if in := states(t, rdb, high, "old"); len(in) != 0 || do(t, rdb, "EXISTS", high.task("old")) != int64(0) {
			t.Errorf("it is still there, in %v", in)
		}
	})
}

// takeAll takes all parked tickets, and returns the IDs of their jobs in order.
func takeAll(t *testing.T, rdb *redis.Client) []string {
	t.Helper()
	texts, err := turnScript.Run(t.Context(), rdb, []string{high.turns(), high.past(), high.parked()}, high.line(""), 100).StringSlice()
	if err != nil {
		t.Fatal(err)
	}
	var jobs []string
	for _, text := range texts {
		p, err := decode[parkedTicket]([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, p.JobID)
	}
	slices.Sort(jobs)
	return jobs
}

func second[T any](_ T, err error) error { return err }
