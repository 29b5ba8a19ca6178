package store_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

func TestAnIdempotencyKeyMakesOneJob(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb, func(c *store.Config) { c.Shards = 4 })
		once := store.Idempotency{Key: "order 7", Fingerprint: "abc"}
		if id, err := s.Replay(t.Context(), tenant, once); id != "" || err != nil {
			t.Fatalf("replay before the first: got %q, %v", id, err)
		}
		made := make(chan string, 100)
		for range cap(made) {
			go func() {
				j := draft()
				j.ID = s.NewID(tenant, once)
				id, err := s.Create(context.Background(), j, json.RawMessage(`{}`), once)
				if err != nil {
					t.Errorf("create: %v", err)
				}
				made <- id
			}()
		}
		first := <-made
		for range cap(made) - 1 {
			if id := <-made; id != first {
				t.Errorf("one key made %s and %s", first, id)
			}
		}
		counters, err := s.Counters(t.Context())
		if err != nil || counters["total:queued"] != 1 {
			t.Errorf("jobs made: got %v, %v, want 1", counters, err)
		}
		if id, err := s.Replay(t.Context(), tenant, once); id != first || err != nil {
			t.Errorf("replay: got %q, %v, want %q", id, err, first)
		}
		once.Fingerprint = "other"
		if _, err := s.Replay(t.Context(), tenant, once); tasks.CodeOf(err) != tasks.CodeKeyReused {
			t.Errorf("another request with the key: got %v", err)
		}
		j := draft()
		j.ID = s.NewID(tenant, once)
		if _, err := s.Create(t.Context(), j, json.RawMessage(`{}`), once); tasks.CodeOf(err) != tasks.CodeKeyReused {
			t.Errorf("creating another request with the key: got %v", err)
		}
		if id, err := s.Replay(t.Context(), "another", once); id != "" || err != nil {
			t.Errorf("another tenant's key: got %q, %v, want none", id, err)
		}
	})
}

func TestAScheduledJobWaitsForItsTime(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		j := create(t, s, func(j *tasks.Job) { j.RunAt = j.CreatedAt.Add(30 * time.Millisecond) })
		if j.State != tasks.Scheduled || job(t, s, j.ID).State != tasks.Scheduled {
			t.Errorf("state: got %s, want scheduled", j.State)
		}
		if c := claim(t, s, j.ID, "w1"); c.Verdict != store.Busy && c.Verdict != store.Claimed {
			t.Errorf("claim before its time: got %s", c.Verdict)
		}
		for job(t, s, j.ID).State == tasks.Scheduled {
			if _, err := s.Overdue(t.Context(), j.ID, true, 0); err != nil {
				t.Fatalf("overdue: %v", err)
			}
		}
		if c := claim(t, s, j.ID, "w1"); c.Verdict != store.Claimed {
			t.Errorf("claim at its time: got %s", c.Verdict)
		}
		if got := job(t, s, j.ID); got.StartedAt.Before(got.RunAt) {
			t.Errorf("started at %v, before %v", got.StartedAt, got.RunAt)
		}
	})
}

func TestRetryStartsANewRun(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		j := create(t, s)
		if _, err := s.Retry(t.Context(), tenant, j.ID); tasks.CodeOf(err) != tasks.CodeConflict {
			t.Errorf("retry of a queued job: got %v, want conflict", err)
		}
		claim(t, s, j.ID, "w1")
		if err := s.Fail(t.Context(), j.ID, 1, tasks.Errorf(tasks.CodeExhausted, "no luck"), []tasks.Attempt{{Number: 1}}); err != nil {
			t.Fatalf("fail: %v", err)
		}
		if _, err := s.Retry(t.Context(), "another", j.ID); tasks.CodeOf(err) != tasks.CodeNotFound {
			t.Errorf("retry by another tenant: got %v, want not found", err)
		}
		again, err := s.Retry(t.Context(), tenant, j.ID)
		if err != nil {
			t.Fatalf("retry: %v", err)
		}
		if again.State != tasks.Queued || again.Error != nil || !again.EndedAt.IsZero() || !again.StartedAt.IsZero() || len(again.Attempts) != 1 {
			t.Errorf("after retry: got %+v", again)
		}
		if ttl := rdb.PTTL(t.Context(), "spillway:{0}:job:"+j.ID).Val(); ttl > 0 {
			t.Errorf("a job that runs again expires in %v", ttl)
		}
		if c := claim(t, s, j.ID, "w1"); c.Verdict != store.Claimed || c.Job.Attempt != 2 {
			t.Fatalf("claim of the new run: got %+v", c)
		}
		if err := s.Complete(t.Context(), j.ID, 2, store.Result{Output: json.RawMessage(`1`)}, nil); err != nil {
			t.Fatalf("complete: %v", err)
		}
		if _, err := s.Retry(t.Context(), tenant, j.ID); tasks.CodeOf(err) != tasks.CodeConflict {
			t.Errorf("retry of a job that succeeded: got %v, want conflict", err)
		}
	})
}

func TestTheNewestAttemptsAreKept(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		j := create(t, s)
		const claims = 200
		for n := 1; n <= claims; n++ {
			if c := claim(t, s, j.ID, "w1"); c.Verdict != store.Claimed {
				t.Fatalf("claim %d: got %s", n, c.Verdict)
			}
			records := []tasks.Attempt{
				{Number: n, Candidate: "ollama/m", Outcome: "timeout", Message: `a message like },{"number":1},{" in it`},
				{Number: n, Candidate: "ollama/n", Outcome: "timeout", Tokens: tasks.Tokens{Input: n}},
			}
			if err := s.Release(t.Context(), j.ID, n, store.Release{Reason: store.ReasonWaiting}, records); err != nil {
				t.Fatalf("release %d: %v", n, err)
			}
		}
		got := job(t, s, j.ID).Attempts
		if first := got[0]; first.Number == 1 || len(got) < 100 {
			t.Errorf("kept %d attempts, from number %d", len(got), first.Number)
		}
		for i, a := range got {
			if want := claims - (len(got)-1-i)/2; a.Number != want {
				t.Fatalf("attempt %d of %d: got number %d, want %d", i, len(got), a.Number, want)
			}
		}
	})
}
