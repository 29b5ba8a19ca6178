package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

const lasts = time.Minute // how long the flights of these tests last

// sharedFaults are the tests of the scripts that are not of one job: each is made to
// fail at every command.
var sharedFaults = map[string]func(t *testing.T, s *store.Store, rdb *redis.Client, fail func(func() error)){
	"flight_join": func(t *testing.T, s *store.Store, rdb *redis.Client, fail func(func() error)) {
		joinFlight(t, s, "leader")
		fail(func() error { return second(s.JoinFlight(t.Context(), "digest", "follower", lasts)) })
		if ids := completeFlight(t, s, nil); !slices.Equal(ids, []string{"follower"}) {
			t.Errorf("followers: got %v", ids)
		}
		if ttl := rdb.PTTL(t.Context(), "spillway:followers:{digest}").Val(); ttl <= 0 {
			t.Errorf("the list of followers does not expire")
		}
	},
	"flight_complete": func(t *testing.T, s *store.Store, _ *redis.Client, fail func(func() error)) {
		joinFlight(t, s, "leader")
		joinFlight(t, s, "follower")
		var ids []string
		fail(func() (err error) {
			ids, err = s.CompleteFlight(t.Context(), "digest", "leader", &store.Shared{JobID: "leader", Output: json.RawMessage(`{}`)}, lasts)
			return err
		})
		if !slices.Equal(ids, []string{"follower"}) {
			t.Errorf("followers: got %v", ids)
		}
		if joined := joinFlight(t, s, "late"); joined.Hit == nil || joined.Hit.JobID != "leader" {
			t.Errorf("a late job: got %+v", joined)
		}
	},
	"flight_takeover": func(t *testing.T, s *store.Store, _ *redis.Client, fail func(func() error)) {
		joinFlight(t, s, "leader")
		joinFlight(t, s, "follower")
		var joined store.Joined
		fail(func() (err error) {
			joined, err = s.TakeOverFlight(t.Context(), "digest", "follower", "leader", lasts)
			return err
		})
		if joined != (store.Joined{}) || joinFlight(t, s, "late").Leader != "follower" {
			t.Errorf("got %+v", joined)
		}
	},
	"hurry": func(t *testing.T, s *store.Store, rdb *redis.Client, fail func(func() error)) {
		create(t, s)
		create(t, s)
		rdb.ZAdd(t.Context(), "spillway:{0}:due", redis.Z{Score: 9e14, Member: create(t, s).ID})
		n := 0
		fail(func() (err error) { n, err = s.Hurry(t.Context(), "local.high"); return err })
		if ids, err := s.Due(t.Context(), 10); n != 3 || len(ids) != 3 || err != nil {
			t.Errorf("hurried %d, due %v, %v", n, ids, err)
		}
	},
	"learn": func(t *testing.T, s *store.Store, _ *redis.Client, fail func(func() error)) {
		k := store.LearnedKey{Agent: "A02", Lane: tasks.Local}
		var l store.Samples
		l.Duration(k, 2*time.Second)
		l.Duration(k, 3*time.Second)
		fail(func() error { return s.Learn(t.Context(), &l) })
		if all, err := s.Learned(t.Context()); err != nil || !slices.Equal(all[k], store.Learned{2, 3}) {
			t.Errorf("learned: got %v, %v", all, err)
		}
	},
	"beat": func(t *testing.T, s *store.Store, rdb *redis.Client, fail func(func() error)) {
		rdb.HSet(t.Context(), "spillway:workers", "gone", `1 {"id":"gone"}`, "#last", time.Now().Add(-time.Hour).UnixMilli())
		fail(func() error { return s.Beat(t.Context(), &tasks.Worker{ID: "w"}) })
		if workers, err := s.Workers(t.Context()); err != nil || len(workers) != 1 || workers[0].ID != "w" {
			t.Errorf("workers: got %+v, %v", workers, err)
		}
	},
	"forget": func(t *testing.T, s *store.Store, rdb *redis.Client, fail func(func() error)) {
		endLongAgo(t, s, rdb)
		left := create(t, s)
		fail(func() error { return s.Trim(t.Context()) })
		if err := s.Trim(t.Context()); err != nil {
			t.Errorf("a later round: got %v", err)
		}
		size := rdb.HGet(t.Context(), "spillway:{0}:sizes", left.ID).Val()
		if got := rdb.HGetAll(t.Context(), "spillway:{0}:kept").Val(); len(got) != 1 || got[tenant] != size {
			t.Errorf("bytes kept: got %v, want %s", got, size)
		}
		if ids := rdb.ZRange(t.Context(), "spillway:{0}:idx:"+tenant, 0, -1).Val(); !slices.Equal(ids, []string{left.ID}) {
			t.Errorf("listed: %v", ids)
		}
		if n := rdb.ZCard(t.Context(), "spillway:{0}:ended").Val(); n != 0 {
			t.Errorf("%d are yet to be forgotten", n)
		}
	},
	"recount": func(t *testing.T, s *store.Store, rdb *redis.Client, fail func(func() error)) {
		create(t, s)
		want := counters(t, rdb)
		drift(t, rdb)
		fail(func() error { return second(s.Recount(t.Context())) })
		if got := counters(t, rdb); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	},
}

func TestAnErrorAtAnyCommandOfASharedScript(t *testing.T) {
	names := []string{}
	for name := range sharedFaults {
		names = append(names, name)
	}
	for _, script := range scripts {
		name, _, _ := strings.Cut(script.name, " ")
		names = append(names, name)
	}
	redistest.CheckScripts(t, "lua", names...)
	for name, test := range sharedFaults {
		t.Run(name, func(t *testing.T) {
			redistest.EachCommand(t, func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
				test(t, open(t, rdb), rdb, fail)
			})
		})
	}
}

func second[T any](_ T, err error) error { return err }

func joinFlight(t *testing.T, s *store.Store, id string) store.Joined {
	t.Helper()
	joined, err := s.JoinFlight(t.Context(), "digest", id, lasts)
	if err != nil {
		t.Fatal(err)
	}
	return joined
}

func completeFlight(t *testing.T, s *store.Store, r *store.Shared) []string {
	t.Helper()
	ids, err := s.CompleteFlight(t.Context(), "digest", "leader", r, lasts)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// endLongAgo makes two jobs whose retention is over.
func endLongAgo(t *testing.T, s *store.Store, rdb *redis.Client) {
	t.Helper()
	for range 2 {
		j := create(t, s)
		if _, err := s.Cancel(t.Context(), tenant, j.ID); err != nil {
			t.Fatal(err)
		}
		rdb.ZAdd(t.Context(), "spillway:{0}:ended", redis.Z{Score: 1, Member: j.ID + " " + tenant})
	}
}

// counters returns all that is counted, as text.
func counters(t *testing.T, rdb *redis.Client) string {
	t.Helper()
	all := rdb.HGetAll(t.Context(), "spillway:{0}:counters").Val()
	for name, n := range all {
		if n == "0" {
			delete(all, name) // as if it were not there
		}
	}
	return fmt.Sprint(all, rdb.HGetAll(t.Context(), "spillway:{0}:kept").Val())
}

// drift has every kind of counter say something else.
func drift(t *testing.T, rdb *redis.Client) {
	t.Helper()
	for _, field := range []string{"now:queued", "now:running", "now:scheduled", "waiting:" + tenant, "waiting:nobody"} {
		rdb.HIncrBy(t.Context(), "spillway:{0}:counters", field, 7)
	}
	rdb.HIncrBy(t.Context(), "spillway:{0}:kept", tenant, -3)
	rdb.HIncrBy(t.Context(), "spillway:{0}:kept", "nobody", 3)
}

func TestCountersThatDriftedAreCorrected(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		hold(t, s, create(t, s).ID)
		create(t, s)
		create(t, s, func(j *tasks.Job) { j.RunAt = time.Now().Add(time.Hour) })
		if _, err := s.Cancel(t.Context(), tenant, create(t, s).ID); err != nil {
			t.Fatal(err)
		}
		want := counters(t, rdb)
		if found, err := s.Recount(t.Context()); err != nil || found.Undone != 0 || len(found.Corrected) != 0 {
			t.Errorf("before: got %+v, %v", found, err)
		}
		drift(t, rdb)
		found, err := s.RecountDue(t.Context())
		if err != nil || len(found.Corrected) != 7 || found.Corrected["now:queued"] != 7 || found.Corrected["kept:"+tenant] != -3 {
			t.Errorf("got %+v, %v", found, err)
		}
		if got := counters(t, rdb); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		drift(t, rdb)
		if found, err := s.RecountDue(t.Context()); err != nil || len(found.Corrected) != 0 {
			t.Errorf("a moment later: got %+v, %v", found, err)
		}
	})
}

// A tenant that keeps more jobs than are read at once, and a counter that is missing,
// keep no other from being corrected.
func TestEveryTenantsBytesAreCorrected(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		create(t, s)
		large := make([]redis.Z, 6000)
		for i := range large {
			large[i].Member = fmt.Sprint(i)
		}
		rdb.ZAdd(t.Context(), "spillway:{0}:idx:"+tenant, large...)
		for n := range 5 {
			create(t, s, func(j *tasks.Job) { j.Tenant = fmt.Sprint("small", n) })
		}
		want := counters(t, rdb)
		for n := range 4 {
			rdb.HIncrBy(t.Context(), "spillway:{0}:kept", fmt.Sprint("small", n), 7)
		}
		rdb.HDel(t.Context(), "spillway:{0}:kept", "small4")
		if found, err := s.Recount(t.Context()); err != nil || len(found.Corrected) != 5 {
			t.Errorf("got %+v, %v", found, err)
		}
		if got := counters(t, rdb); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// While a job's own counting is undone no counter is corrected, since the job would
// then count twice. That there is one is reported.
func TestUndoneWritesAreReported(t *testing.T) {
	s, server, fault := faulty(t)
	fault.Deny("HINCRBY")
	j := create(t, s)
	hold(t, s, j.ID)
	if err := s.Complete(t.Context(), j.ID, 1, store.Result{Output: json.RawMessage(`{}`)}, nil); err != nil {
		t.Fatal(err)
	}
	fault.Deny()
	if found, err := s.Recount(t.Context()); err != nil || found.Undone != 1 || len(found.Corrected) != 0 {
		t.Errorf("got %+v, %v", found, err)
	}
	if err := s.Renew(t.Context(), j.ID, 1); err == nil {
		t.Error("an ended job was renewed")
	}
	if found, err := s.Recount(t.Context()); err != nil || found.Undone != 0 || len(found.Corrected) != 0 {
		t.Errorf("once they are done: got %+v, %v", found, err)
	}
	if got := server.HGet("spillway:{0}:counters", "total:succeeded"); got != "1" {
		t.Errorf("total:succeeded: got %s", got)
	}
}

// What is undone is written once, whatever fails while it is tried again.
func TestAnErrorWhileUndoneWritesAreRepeated(t *testing.T) {
	for _, denied := range []string{"XADD", "RPUSH", "LINDEX", "HINCRBY", "HDEL", "ZREM", "PEXPIREAT"} {
		t.Run(denied, func(t *testing.T) {
			for n := 1; ; n++ {
				s, server, fault := faulty(t)
				j := create(t, s)
				fault.Deny(denied)
				hold(t, s, j.ID)
				done := s.Complete(t.Context(), j.ID, 1, store.Result{Output: json.RawMessage(`{}`)}, nil)
				fault.Deny()
				fault.At(n)
				_ = s.Renew(t.Context(), j.ID, 1)
				fired := fault.Fired()
				fault.At(0)
				_ = s.Renew(t.Context(), j.ID, 1)
				if done != nil { // what comes before the record was refused
					if err := s.Complete(t.Context(), j.ID, 1, store.Result{Output: json.RawMessage(`{}`)}, nil); err != nil {
						t.Fatalf("complete: %v", err)
					}
				}
				whole(t, s, server, j.ID, n, fired)
				for field, want := range map[string]string{"now:queued": "0", "now:running": "0", "total:queued": "1", "total:running": "1", "total:succeeded": "1"} {
					if got := server.HGet("spillway:{0}:counters", field); got != want {
						t.Errorf("command %d, %s: %s is %q, want %s", n, fired, field, got, want)
					}
				}
				if left := server.HGet("spillway:{0}:job:"+j.ID, "undone"); left != "" {
					t.Errorf("command %d, %s: undone: %s", n, fired, left)
				}
				if fired == "" {
					return
				}
			}
		})
	}
}

// An earlier version moves a job and leaves its mark where it was.
func TestAMarkThatAnEarlierVersionLeftIsDropped(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		taken, moved, waits := create(t, s), create(t, s), create(t, s)
		key := func(j *tasks.Job) string { return "spillway:{0}:job:" + j.ID }
		ctx := context.Background()
		place := rdb.HGet(ctx, key(taken), "place").Val()
		rdb.ZRem(ctx, "spillway:{0}:waiting", place)
		rdb.HDel(ctx, key(taken), "place")
		rdb.HSet(ctx, key(taken), "state", "running")
		next := "cloud.high:99:" + moved.ID
		rdb.ZRem(ctx, "spillway:{0}:waiting", rdb.HGet(ctx, key(moved), "place").Val())
		rdb.ZAdd(ctx, "spillway:{0}:waiting", redis.Z{Member: next})
		rdb.HSet(ctx, key(moved), "place", next)
		if err := s.Trim(ctx); err != nil {
			t.Fatal(err)
		}
		got := rdb.ZRange(ctx, "spillway:{0}:waiting", 0, -1).Val()
		want := []string{next, rdb.HGet(ctx, key(waits), "place").Val(), mark(rdb.HGet(ctx, key(waits), "place").Val())}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// mark is where a job that waits at a place is by its agent.
func mark(place string) string {
	queue, since, _ := strings.Cut(place, ":")
	lane, _, _ := strings.Cut(queue, ".")
	return lane + "/" + draft().Agent + ":" + since
}
