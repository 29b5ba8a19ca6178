package store_test

import (
	"encoding/json"
	"errors"
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
	{"complete_shared", nil, func(t *testing.T, s *store.Store, id string) error {
		_, err := s.CompleteShared(t.Context(), id, &store.Shared{JobID: id, Output: json.RawMessage(`{}`)})
		return err
	}},
	{"renew", hold, func(t *testing.T, s *store.Store, id string) error { return s.Renew(t.Context(), id, 1) }},
	{"append", hold, func(t *testing.T, s *store.Store, id string) error {
		return s.Append(t.Context(), id, 1, store.LogEvent{Type: tasks.EventDelta, Data: json.RawMessage(`{}`)})
	}},
	{"spend", hold, func(t *testing.T, s *store.Store, id string) error { return s.Spend(t.Context(), id, 1, 5) }},
	{"release", hold, func(t *testing.T, s *store.Store, id string) error {
		return s.Release(t.Context(), id, 1, store.Release{Reason: store.ReasonShutdown}, nil)
	}},
	{"complete", hold, func(t *testing.T, s *store.Store, id string) error {
		return s.Complete(t.Context(), id, 1, store.Result{Output: json.RawMessage(`{}`), Degraded: true}, nil)
	}},
	{"fail", hold, func(t *testing.T, s *store.Store, id string) error {
		return s.Fail(t.Context(), id, 1, tasks.Errorf(tasks.CodeExhausted, "no luck"), nil)
	}},
	{"amend", func(t *testing.T, s *store.Store, id string) {
		hold(t, s, id)
		if _, err := s.Cancel(t.Context(), tenant, id); err != nil {
			t.Fatalf("cancel: %v", err)
		}
	}, func(t *testing.T, s *store.Store, id string) error {
		return s.Amend(t.Context(), id, 1, []tasks.Attempt{{Candidate: "p/m", Outcome: tasks.OutcomeCanceled}})
	}},
	{"replan", nil, func(t *testing.T, s *store.Store, id string) error {
		return s.Replan(t.Context(), job(t, s, id), &tasks.Plan{})
	}},
	{"unfollow", nil, func(t *testing.T, s *store.Store, id string) error { return s.Unfollow(t.Context(), id, leading, "") }},
	{"unfollow for another", nil, func(t *testing.T, s *store.Store, id string) error {
		return s.Unfollow(t.Context(), id, leading, "job_other")
	}},
	{"overdue idle", nil, overdue},
	{"overdue lapsed", hold, overdue},
	{"overdue ended", func(t *testing.T, s *store.Store, id string) {
		if _, err := s.Cancel(t.Context(), tenant, id); err != nil {
			t.Fatalf("cancel: %v", err)
		}
	}, overdue},
}

// leading is the job whose result a following job waits for.
const leading = "job_leading"

func overdue(t *testing.T, s *store.Store, id string) error {
	_, err := s.Overdue(t.Context(), id, true, 0)
	return err
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
				if strings.HasPrefix(script.name, "unfollow") {
					j = createFollowing(t, s)
				}
				if script.setup != nil {
					script.setup(t, s, j.ID)
				}
				if strings.HasPrefix(script.name, "overdue") {
					server.ZAdd("spillway:{0}:due", 1, j.ID)
					server.SetTime(time.Now().Add(time.Minute))
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
	for _, denied := range []string{"PUBLISH", "XADD", "RPUSH", "LINDEX", "HINCRBY", "HDEL", "ZREM", "PEXPIREAT"} {
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

// createFollowing makes a job that waits for the result of another.
func createFollowing(t *testing.T, s *store.Store) *tasks.Job {
	t.Helper()
	j := draft()
	if _, err := s.CreateFollowing(t.Context(), j, json.RawMessage(`{}`), store.Idempotency{}, leading); err != nil {
		t.Fatalf("create: %v", err)
	}
	return j
}
