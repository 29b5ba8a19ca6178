package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// faulty returns a store on an embedded Redis whose scripts can be made to fail.
func faulty(t *testing.T) (*store.Store, *miniredis.Miniredis, *redistest.Fault) {
	t.Helper()
	server := miniredis.RunT(t)
	server.SetTime(time.Now())
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	return open(t, rdb), server, redistest.NewFault(server)
}

// follower is the job that follows the one of the script "unfollow".
var follower string

// scripts does what each job script is for, on a job that is queued, or running
// by attempt 1 where that is needed.
var scripts = []struct {
	name  string
	setup func(t *testing.T, s *store.Store, id string)
	call  func(t *testing.T, s *store.Store, id string) error
}{
	{"create", nil, func(t *testing.T, s *store.Store, _ string) error {
		_, err := s.Create(t.Context(), draft(), json.RawMessage(`{}`), store.Idempotency{})
		return err
	}},
	{"claim", nil, func(t *testing.T, s *store.Store, id string) error {
		_, err := s.Claim(t.Context(), id, tasks.Local, "w")
		return err
	}},
	{"cancel queued", nil, func(t *testing.T, s *store.Store, id string) error {
		_, err := s.Cancel(t.Context(), tenant, id)
		return err
	}},
	{"cancel running", hold, func(t *testing.T, s *store.Store, id string) error {
		_, err := s.Cancel(t.Context(), tenant, id)
		return err
	}},
	{"retry", func(t *testing.T, s *store.Store, id string) {
		if _, err := s.Cancel(t.Context(), tenant, id); err != nil {
			t.Fatalf("cancel: %v", err)
		}
	}, func(t *testing.T, s *store.Store, id string) error {
		_, err := s.Retry(t.Context(), tenant, id)
		return err
	}},
	{"adopt", nil, func(t *testing.T, s *store.Store, id string) error {
		_, err := s.Adopt(t.Context(), id, &store.Shared{JobID: id, Output: json.RawMessage(`{}`)})
		return err
	}},
	{"renew", hold, func(t *testing.T, s *store.Store, id string) error { return s.Renew(t.Context(), id, 1) }},
	{"append", hold, func(t *testing.T, s *store.Store, id string) error {
		return s.Append(t.Context(), id, 1, store.News{Type: tasks.EventDelta, Data: json.RawMessage(`{}`)})
	}},
	{"spend", hold, func(t *testing.T, s *store.Store, id string) error { return s.Spend(t.Context(), id, 1, 5) }},
	{"release", hold, func(t *testing.T, s *store.Store, id string) error {
		return s.Release(t.Context(), id, 1, store.Release{Reason: store.ReasonShutdown}, nil)
	}},
	{"complete", hold, func(t *testing.T, s *store.Store, id string) error {
		return s.Complete(t.Context(), id, 1, store.Result{Output: json.RawMessage(`{}`), Degraded: true}, nil)
	}},
	{"unfollow", func(t *testing.T, s *store.Store, id string) {
		var err error
		if follower, err = s.CreateFollowing(t.Context(), draft(), json.RawMessage(`{}`), store.Idempotency{}, id); err != nil {
			t.Fatalf("create: %v", err)
		}
	}, func(t *testing.T, s *store.Store, id string) error { return s.Unfollow(t.Context(), follower, id, "") }},
	{"replan", nil, func(t *testing.T, s *store.Store, id string) error {
		return s.Replan(t.Context(), job(t, s, id), &tasks.Plan{Reason: tasks.PlanShared})
	}},
	{"overdue", nil, func(t *testing.T, s *store.Store, id string) error {
		_, err := s.Overdue(t.Context(), id, true)
		return err
	}},
	{"amend", func(t *testing.T, s *store.Store, id string) {
		hold(t, s, id)
		if _, err := s.Cancel(t.Context(), tenant, id); err != nil {
			t.Fatalf("cancel: %v", err)
		}
	}, func(t *testing.T, s *store.Store, id string) error { return s.Amend(t.Context(), id, 1, nil) }},
	{"fail", hold, func(t *testing.T, s *store.Store, id string) error {
		return s.Fail(t.Context(), id, 1, tasks.Errorf(tasks.CodeExhausted, "no luck"), nil)
	}},
}

func hold(t *testing.T, s *store.Store, id string) {
	t.Helper()
	if c := claim(t, s, id, "w"); c.Verdict != store.Claimed {
		t.Fatalf("claim: got %s", c.Verdict)
	}
}

// TestAnErrorAtAnyCommandLeavesAJobThatEnds makes each command of each job script
// fail once, and then for as long as a user lacks a permission. The job can be
// canceled afterwards, and then its log, sets and counters are whole.
func TestAnErrorAtAnyCommandLeavesAJobThatEnds(t *testing.T) {
	for _, script := range scripts {
		t.Run(script.name, func(t *testing.T) {
			n := 1
			for ; ; n++ {
				s, server, fault := faulty(t)
				j := create(t, s)
				if script.setup != nil {
					script.setup(t, s, j.ID)
				}
				fault.At(n)
				err := script.call(t, s, j.ID)
				fired := fault.Fired()
				fault.At(0)
				if fired == "" {
					break
				}
				if err != nil && script.name != "create" {
					if err := script.call(t, s, j.ID); err != nil {
						t.Errorf("command %d, %s: once more: got %v", n, fired, err)
					}
				}
				whole(t, s, server, j.ID, n, fired)
			}
			if n < 4 {
				t.Errorf("only %d commands were tried", n-1)
			}
		})
	}
}

// whole cancels a job if it is open, and checks what it has left.
func whole(t *testing.T, s *store.Store, server *miniredis.Miniredis, id string, n int, fired string) {
	t.Helper()
	if _, err := s.Cancel(t.Context(), tenant, id); err != nil && tasks.CodeOf(err) != tasks.CodeConflict {
		t.Errorf("command %d, %s: cancel: got %v", n, fired, err)
	}
	if err := s.Renew(t.Context(), id, 9); !errors.Is(err, store.ErrStale) {
		t.Errorf("command %d, %s: renew: got %v", n, fired, err)
	}
	j := job(t, s, id)
	events, err := s.Events(t.Context(), id, 0, 100)
	if err != nil || len(events) == 0 || !j.State.Terminal() || events[len(events)-1].Type != tasks.EventOf(j.State) || int64(len(events)) != j.Sequence {
		t.Errorf("command %d, %s: job %s with %d as its last number, and events %v, %v", n, fired, j.State, j.Sequence, events, err)
	}
	counters := "spillway:{0}:counters"
	if q, r := server.HGet(counters, "now:queued"), server.HGet(counters, "now:running"); j.ID == id && (q != "0" && q != "" && q != "1" || r != "0" && r != "") {
		t.Errorf("command %d, %s: counters say %s queued, %s running", n, fired, q, r)
	}
}

// TestAJobThatAnOldScriptLeftHalfDoneEnds has a job in whose log an event is that
// its record knows nothing of, as a script left it that failed at PUBLISH.
func TestAJobThatAnOldScriptLeftHalfDoneEnds(t *testing.T) {
	s, server, _ := faulty(t)
	j := create(t, s)
	if _, err := server.XAdd("spillway:{0}:job:"+j.ID+":events", "2-0", []string{"type", "job.running", "attempt", "1", "at", "1", "data", "{}"}); err != nil {
		t.Fatalf("xadd: %v", err)
	}
	hold(t, s, j.ID)
	if err := s.Complete(t.Context(), j.ID, 1, store.Result{Output: json.RawMessage(`{}`)}, nil); err != nil {
		t.Fatalf("complete: got %v", err)
	}
	if got := job(t, s, j.ID); got.State != tasks.Succeeded || got.Sequence != 4 {
		t.Errorf("job: got %s, sequence %d; want succeeded, 4", got.State, got.Sequence)
	}
}

// TestAUserWithoutAPermissionLosesNoEvent runs a whole job while commands of its
// scripts are refused, and looks at it once they are not any more.
func TestAUserWithoutAPermissionLosesNoEvent(t *testing.T) {
	for _, denied := range []string{"PUBLISH", "XADD", "HINCRBY", "HDEL", "ZREM", "PEXPIREAT"} {
		t.Run(denied, func(t *testing.T) {
			s, server, fault := faulty(t)
			fault.Deny(denied)
			j := create(t, s)
			hold(t, s, j.ID)
			if err := s.Complete(t.Context(), j.ID, 1, store.Result{Output: json.RawMessage(`{}`)}, nil); err != nil {
				t.Fatalf("complete: got %v", err)
			}
			if got := job(t, s, j.ID); got.State != tasks.Succeeded {
				t.Errorf("job: got %s", got.State)
			}
			fault.Deny()
			whole(t, s, server, j.ID, 0, denied)
			if ttl := server.TTL("spillway:{0}:job:" + j.ID); ttl <= 0 {
				t.Errorf("the record does not expire")
			}
		})
	}
}

// sharedScripts are the scripts that are about no single job, with what must be so after one
// has failed and was run again.
var sharedScripts = []struct {
	name  string
	call  func(ctx context.Context, s *store.Store) error
	check func(t *testing.T, s *store.Store, server *miniredis.Miniredis) string
}{
	{"board", func(ctx context.Context, s *store.Store) error {
		_, err := s.TakeSeat(ctx, "d", "job_1", time.Minute)
		return err
	}, flightOf("job_1")},
	{"board, following", func(ctx context.Context, s *store.Store) error {
		if _, err := s.TakeSeat(ctx, "d", "job_1", time.Minute); err != nil {
			return err
		}
		_, err := s.TakeSeat(ctx, "d", "job_2", time.Minute)
		return err
	}, flightOf("job_1")},
	{"takeover", func(ctx context.Context, s *store.Store) error {
		_, err := s.TakeOver(ctx, "d", "job_2", "job_1", time.Minute)
		return err
	}, flightOf("job_2")},
	{"land", func(ctx context.Context, s *store.Store) error {
		_, err := s.Land(ctx, "d", "job_1", &store.Shared{JobID: "job_1", Output: json.RawMessage(`{}`)}, time.Minute)
		return err
	}, func(t *testing.T, s *store.Store, _ *miniredis.Miniredis) string {
		if seat, err := s.Peek(t.Context(), "d"); err != nil || seat.Hit == nil {
			return fmt.Sprintf("no result is kept: %v", err)
		}
		return ""
	}},
	{"beat", func(ctx context.Context, s *store.Store) error { return s.Beat(ctx, &tasks.Worker{ID: "w"}) },
		func(t *testing.T, s *store.Store, _ *miniredis.Miniredis) string {
			if all, err := s.Workers(t.Context()); err != nil || len(all) != 1 {
				return fmt.Sprintf("%d workers, %v", len(all), err)
			}
			return ""
		}},
	{"learn", func(ctx context.Context, s *store.Store) error {
		var l store.Lessons
		l.Duration(store.LearnedKey{Agent: "A02", Lane: tasks.Local}, time.Second)
		return s.Learn(ctx, &l)
	}, func(t *testing.T, s *store.Store, _ *miniredis.Miniredis) string {
		all, err := s.Learned(t.Context())
		if l := all[store.LearnedKey{Agent: "A02", Lane: tasks.Local}]; err != nil || len(l) == 0 || len(l) > 2 {
			return fmt.Sprintf("learned %v, %v", l, err)
		}
		return ""
	}},
	{"hurry", func(ctx context.Context, s *store.Store) error {
		_, err := s.Hurry(ctx, "local.medium")
		return err
	}, func(*testing.T, *store.Store, *miniredis.Miniredis) string { return "" }},
	{"forget", func(ctx context.Context, s *store.Store) error { return s.Trim(ctx) },
		func(*testing.T, *store.Store, *miniredis.Miniredis) string { return "" }},
	{"recount", func(ctx context.Context, s *store.Store) error {
		_, err := s.Recount(ctx)
		return err
	}, func(t *testing.T, _ *store.Store, server *miniredis.Miniredis) string {
		if n := server.HGet("spillway:{0}:counters", "waiting:"+tenant); n != "1" {
			return "counts " + n + " waiting jobs"
		}
		return ""
	}},
}

func flightOf(leader string) func(t *testing.T, s *store.Store, _ *miniredis.Miniredis) string {
	return func(t *testing.T, s *store.Store, _ *miniredis.Miniredis) string {
		if seat, err := s.Peek(t.Context(), "d"); err != nil || seat.Leader != leader {
			return fmt.Sprintf("led by %q, %v", seat.Leader, err)
		}
		return ""
	}
}

// TestAnErrorInASharedScriptCanBeRepeated makes each command of the scripts that are
// about no single job fail once. A repeat does what the first call was for.
func TestAnErrorInASharedScriptCanBeRepeated(t *testing.T) {
	for _, script := range sharedScripts {
		t.Run(script.name, func(t *testing.T) {
			for n, fired := 1, "?"; fired != ""; n++ {
				s, server, fault := faulty(t)
				ended, open := create(t, s), create(t, s)
				if _, err := s.Cancel(t.Context(), tenant, ended.ID); err != nil {
					t.Fatal(err)
				}
				server.FastForward(8 * 24 * time.Hour)
				server.SetTime(time.Now().Add(8 * 24 * time.Hour))
				fault.At(n)
				_ = script.call(t.Context(), s)
				fired = fault.Fired()
				fault.At(0)
				if err := script.call(t.Context(), s); err != nil {
					t.Errorf("command %d, %s: once more: %v", n, fired, err)
				}
				if wrong := script.check(t, s, server); wrong != "" {
					t.Errorf("command %d, %s: %s", n, fired, wrong)
				}
				_ = open
			}
		})
	}
}

// TestEveryScriptIsTriedWithErrors fails for a script that the two tests above do not
// know of.
func TestEveryScriptIsTriedWithErrors(t *testing.T) {
	files, err := filepath.Glob("lua/*.lua")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	known := map[string]bool{"lib": true}
	for _, s := range scripts {
		name, _, _ := strings.Cut(s.name, " ")
		known[name] = true
	}
	for _, s := range sharedScripts {
		name, _, _ := strings.Cut(s.name, ",")
		known[name] = true
	}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".lua"); !known[name] {
			t.Errorf("no test makes the commands of %s fail", f)
		}
	}
}

// TestCountersThatHaveDriftedAreCorrected counts open jobs anew, by their records.
func TestCountersThatHaveDriftedAreCorrected(t *testing.T) {
	s, server, fault := faulty(t)
	queued, running := create(t, s), create(t, s)
	hold(t, s, running.ID)
	counters := "spillway:{0}:counters"
	server.HSet(counters, "now:queued", "7", "now:running", "-3", "waiting:"+tenant, "100", "waiting:gone", "4")
	got, err := s.Recount(t.Context())
	if err != nil || got.Corrected != 4 || got.Undone != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	for field, want := range map[string]string{"now:queued": "1", "now:running": "1", "waiting:" + tenant: "1", "waiting:gone": ""} {
		if n := server.HGet(counters, field); n != want {
			t.Errorf("%s is %q, want %q", field, n, want)
		}
	}
	if got, err := s.Recount(t.Context()); err != nil || got != (store.Recount{}) {
		t.Errorf("once more: %+v, %v", got, err)
	}

	fault.Deny("HINCRBY")
	if _, err := s.Cancel(t.Context(), tenant, queued.ID); err != nil {
		t.Fatal(err)
	}
	fault.Deny()
	if got, err := s.Recount(t.Context()); err != nil || got.Undone != 1 || got.Corrected != 0 {
		t.Errorf("with writes that are yet to be done: %+v, %v", got, err)
	}
}
