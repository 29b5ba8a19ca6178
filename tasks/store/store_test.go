package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

const tenant = "acme"

// open returns a store on rdb that ends before its connection does.
func open(t *testing.T, rdb *redis.Client, change ...func(*store.Config)) *store.Store {
	t.Helper()
	cfg := store.DefaultConfig()
	for _, f := range change {
		f(&cfg)
	}
	s := store.New(rdb, cfg)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return s
}

// draft returns a job that has yet to be created.
func draft() *tasks.Job {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return &tasks.Job{
		ID: tasks.NewID(), Tenant: tenant, Agent: "A02", AgentVersion: "abc", Complexity: tasks.High,
		Language: tasks.Chinese, Privacy: tasks.PrivacyAny, OnExhausted: tasks.Degrade,
		Lanes:     []tasks.Lane{tasks.Local, tasks.Cloud, tasks.Scorecard},
		CreatedAt: now, TargetAt: now.Add(time.Minute), SpillAt: now.Add(30 * time.Second), Deadline: now.Add(5 * time.Minute),
	}
}

// create makes a job that is queued, or what change makes of it.
func create(t *testing.T, s *store.Store, change ...func(*tasks.Job)) *tasks.Job {
	t.Helper()
	j := draft()
	for _, f := range change {
		f(j)
	}
	if _, err := s.Create(t.Context(), j, json.RawMessage(`{"x":1}`), store.Idempotency{}); err != nil {
		t.Fatalf("create: %v", err)
	}
	return j
}

func claim(t *testing.T, s *store.Store, id string, worker string) *store.Claim {
	t.Helper()
	c, err := s.Claim(t.Context(), id, tasks.Local, worker)
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	return c
}

func job(t *testing.T, s *store.Store, id string) *tasks.Job {
	t.Helper()
	j, err := s.Job(t.Context(), tenant, id)
	if err != nil {
		t.Fatalf("read job: %v", err)
	}
	return j
}

func eventTypes(t *testing.T, s *store.Store, id string) []tasks.EventType {
	t.Helper()
	events, err := s.Events(t.Context(), id, 0, 1000)
	if err != nil {
		t.Fatalf("events: %v", err)
	}
	var types []tasks.EventType
	for i, e := range events {
		if e.Sequence != int64(i+1) {
			t.Errorf("event %d has sequence number %d", i+1, e.Sequence)
		}
		types = append(types, e.Type)
	}
	return types
}

func TestAJobRunsToItsResult(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		j := create(t, s)
		c := claim(t, s, j.ID, "w1")
		if c.Verdict != store.Claimed || c.Job.Attempt != 1 || string(c.Input) != `{"x":1}` {
			t.Fatalf("claim: got %+v", c)
		}
		if err := s.Append(t.Context(), j.ID, 1, store.LogEvent{Type: tasks.EventDelta, Data: json.RawMessage(`{"text":"a"}`)}); err != nil {
			t.Fatalf("append: %v", err)
		}
		records := []tasks.Attempt{
			{Number: 1, Lane: tasks.Local, Candidate: "ollama/m", Outcome: "timeout", DurationMS: 7},
			{Number: 1, Lane: tasks.Local, Candidate: "ollama/n", Outcome: tasks.OutcomeSucceeded, Tokens: tasks.Tokens{Input: 3, Output: 4}},
		}
		if err := s.Complete(t.Context(), j.ID, 1, store.Result{Output: json.RawMessage(`{"score":7}`)}, records); err != nil {
			t.Fatalf("complete: %v", err)
		}
		got := job(t, s, j.ID)
		if got.State != tasks.Succeeded || string(got.Result) != `{"score":7}` || got.Degraded {
			t.Errorf("job: got %+v", got)
		}
		if !reflect.DeepEqual(got.Attempts, records) {
			t.Errorf("attempts: got %+v", got.Attempts)
		}
		if got.StartedAt.IsZero() || got.EndedAt.Before(got.StartedAt) || !got.CreatedAt.Equal(j.CreatedAt) || !got.Deadline.Equal(j.Deadline) {
			t.Errorf("times: got %+v, created as %+v", got, j)
		}
		want := []tasks.EventType{tasks.EventQueued, tasks.EventRunning, tasks.EventDelta, tasks.EventSucceeded}
		if types := eventTypes(t, s, j.ID); !slices.Equal(types, want) {
			t.Errorf("events: got %v, want %v", types, want)
		}
		counters, err := s.Counters(t.Context())
		if err != nil || counters["now:queued"] != 0 || counters["now:running"] != 0 || counters["total:succeeded"] != 1 {
			t.Errorf("counters: got %v, %v", counters, err)
		}
		if ttl := rdb.PTTL(t.Context(), "spillway:{0}:job:"+j.ID+":result").Val(); ttl <= 0 {
			t.Errorf("an ended job's result has no expiry: %v", ttl)
		}
	})
}

func TestStaleAttemptsAreRefused(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb, func(c *store.Config) { c.Lease = time.Millisecond })
		j := create(t, s)
		first := claim(t, s, j.ID, "w1")
		awaitLapse(t, s, j.ID)
		second := claim(t, s, j.ID, "w2")
		if second.Job.Attempt != 2 || second.Job.Crashes != 1 {
			t.Fatalf("second claim: got %+v", second.Job)
		}
		n := first.Job.Attempt
		writes := map[string]error{
			"renew":    s.Renew(t.Context(), j.ID, n),
			"append":   s.Append(t.Context(), j.ID, n, store.LogEvent{Type: tasks.EventDelta, Data: json.RawMessage(`{}`)}),
			"complete": s.Complete(t.Context(), j.ID, n, store.Result{Output: json.RawMessage(`1`)}, nil),
			"fail":     s.Fail(t.Context(), j.ID, n, tasks.Errorf(tasks.CodeInternal, "x"), nil),
			"release":  s.Release(t.Context(), j.ID, n, store.Release{Reason: store.ReasonShutdown}, nil),
		}
		for name, err := range writes {
			if !errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrCanceled) {
				t.Errorf("%s by the old attempt: got %v, want ErrStale", name, err)
			}
		}
		if err := s.Complete(t.Context(), j.ID, 2, store.Result{Output: json.RawMessage(`2`)}, nil); err != nil {
			t.Fatalf("complete by the new attempt: %v", err)
		}
		if got := job(t, s, j.ID); string(got.Result) != "2" {
			t.Errorf("result: got %s", got.Result)
		}
	})
}

// awaitLapse looks at a job as a watchdog does until its lease has ended.
func awaitLapse(t *testing.T, s *store.Store, id string) {
	t.Helper()
	for {
		switch found, err := s.Overdue(t.Context(), id, true, 0); {
		case err != nil:
			t.Fatalf("overdue: %v", err)
		case found == store.Lapsed:
			return
		}
	}
}

func TestWritesMayBeRepeated(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		done := create(t, s)
		if _, err := s.Create(t.Context(), done, json.RawMessage(`{"other":1}`), store.Idempotency{}); err != nil {
			t.Fatalf("repeated create: %v", err)
		}
		claim(t, s, done.ID, "w1")
		for range 2 {
			if err := s.Complete(t.Context(), done.ID, 1, store.Result{Output: json.RawMessage(`1`)}, []tasks.Attempt{{Number: 1}}); err != nil {
				t.Errorf("complete: %v", err)
			}
		}
		if got := job(t, s, done.ID); len(got.Attempts) != 1 {
			t.Errorf("attempts after a repeated complete: got %d, want 1", len(got.Attempts))
		}
		back := create(t, s)
		claim(t, s, back.ID, "w1")
		for range 2 {
			if err := s.Release(t.Context(), back.ID, 1, store.Release{Reason: store.ReasonExhausted, Exhausted: tasks.Local}, nil); err != nil {
				t.Errorf("release: %v", err)
			}
		}
		got := job(t, s, back.ID)
		if got.State != tasks.Queued || !slices.Equal(got.Exhausted, []tasks.Lane{tasks.Local}) {
			t.Errorf("released job: got %+v", got)
		}
		if c := claim(t, s, back.ID, "w1"); c.Verdict != store.Spent {
			t.Errorf("claim on the exhausted lane: got %s, want %s", c.Verdict, store.Spent)
		}
	})
}

func TestCancelIsTerminalAtOnce(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		j := create(t, s)
		claim(t, s, j.ID, "w1")
		ended, leave := s.OnCancel(j.ID)
		defer leave()
		for range 2 {
			if _, err := s.Cancel(t.Context(), tenant, j.ID); err != nil {
				t.Fatalf("cancel: %v", err)
			}
		}
		<-ended
		if err := s.Renew(t.Context(), j.ID, 1); !errors.Is(err, store.ErrCanceled) {
			t.Errorf("renew after cancel: got %v, want ErrCanceled", err)
		}
		if err := s.Complete(t.Context(), j.ID, 1, store.Result{Output: json.RawMessage(`1`)}, nil); !errors.Is(err, store.ErrCanceled) {
			t.Errorf("late write: got %v, want ErrCanceled", err)
		}
		if got := job(t, s, j.ID); got.State != tasks.Canceled || got.Result != nil {
			t.Errorf("job: got %+v", got)
		}
		if _, err := s.Cancel(t.Context(), "another", j.ID); tasks.CodeOf(err) != tasks.CodeNotFound {
			t.Errorf("cancel by another tenant: got %v, want not found", err)
		}
	})
}

func TestEndedJobsCannotBeCanceled(t *testing.T) {
	s := open(t, redistest.Embedded(t))
	j := create(t, s)
	claim(t, s, j.ID, "w1")
	if err := s.Fail(t.Context(), j.ID, 1, tasks.Errorf(tasks.CodeExhausted, "no luck"), nil); err != nil {
		t.Fatalf("fail: %v", err)
	}
	if _, err := s.Cancel(t.Context(), tenant, j.ID); tasks.CodeOf(err) != tasks.CodeConflict {
		t.Errorf("cancel: got %v, want conflict", err)
	}
	got := job(t, s, j.ID)
	if got.State != tasks.Failed || got.Error == nil || got.Error.Code != tasks.CodeExhausted || got.Error.Message != "no luck" {
		t.Errorf("job: got %+v", got)
	}
}

func TestTheWatchdogFindsWhatIsOverdue(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb, func(c *store.Config) { c.Lease, c.Recheck = time.Millisecond, 20*time.Millisecond })
		idle := create(t, s)
		lapsed := create(t, s)
		expired := create(t, s, func(j *tasks.Job) { j.Deadline = j.CreatedAt })
		if c := claim(t, s, lapsed.ID, "w1"); c.Verdict != store.Claimed {
			t.Fatalf("claim: %+v", c)
		}
		want := map[string]store.Overdue{idle.ID: store.Idle, lapsed.ID: store.Lapsed, expired.ID: store.Expired}
		for len(want) > 0 {
			ids, err := s.Due(t.Context(), 100)
			if err != nil {
				t.Fatalf("due: %v", err)
			}
			for _, id := range ids {
				got, err := s.Overdue(t.Context(), id, true, 0)
				if err != nil {
					t.Fatalf("overdue: %v", err)
				}
				if w, open := want[id]; open && got != store.Fresh {
					if got != w {
						t.Errorf("overdue: got %s, want %s", got, w)
					}
					delete(want, id)
				}
			}
		}
	})
}

func TestTheEndOfAJobIsAwaited(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		j := create(t, s)
		claim(t, s, j.ID, "w1")
		awaited := make(chan error, 1)
		go func() { awaited <- s.AwaitEnd(context.Background(), j.ID) }()
		if err := s.Complete(t.Context(), j.ID, 1, store.Result{Output: json.RawMessage(`1`)}, nil); err != nil {
			t.Fatal(err)
		}
		if err := <-awaited; err != nil {
			t.Errorf("await: %v", err)
		}
		for _, id := range []string{j.ID, "job_00000000000000000000000000000000"} {
			if err := s.AwaitEnd(t.Context(), id); err != nil {
				t.Errorf("of a job that has ended, or is not there: %v", err)
			}
		}
		gone := errors.New("the caller has gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(gone)
		if err := s.AwaitEnd(ctx, create(t, s).ID); !errors.Is(err, gone) {
			t.Errorf("got %v, want %v", err, gone)
		}
	})
}

func TestEveryEventIsReadOnce(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		j := create(t, s)
		var writer sync.WaitGroup
		defer writer.Wait()
		writer.Go(func() {
			c, err := s.Claim(context.Background(), j.ID, tasks.Local, "w1")
			if err != nil || c.Verdict != store.Claimed {
				t.Errorf("claim: %+v, %v", c, err)
				return
			}
			for range 50 {
				if err := s.Append(context.Background(), j.ID, 1, store.LogEvent{Type: tasks.EventDelta, Data: json.RawMessage(`{}`)}); err != nil {
					t.Errorf("append: %v", err)
				}
			}
			if err := s.Complete(context.Background(), j.ID, 1, store.Result{Output: json.RawMessage(`1`)}, nil); err != nil {
				t.Errorf("complete: %v", err)
			}
		})
		if last := follow(t, s, j.ID, 0, 10); last != 53 {
			t.Errorf("last event: got %d, want 53", last)
		}
		if last := follow(t, s, j.ID, 53, 10); last != 53 {
			t.Errorf("an ended job has more to tell, up to %d", last)
		}
	})
}

// follow reads a job's log to its end, limit events at a time, and returns the
// number of the last one.
func follow(t *testing.T, s *store.Store, id string, after, limit int64) int64 {
	t.Helper()
	wake, leave := s.OnEvent(id)
	defer leave()
	for over, full := false, false; !over; {
		if !full {
			<-wake
		}
		var events []tasks.Event
		var err error
		if events, over, err = s.Since(t.Context(), id, after, limit); err != nil {
			t.Fatalf("read events: %v", err)
		}
		for _, e := range events {
			if e.Sequence != after+1 {
				t.Errorf("after event %d came %d", after, e.Sequence)
			}
			after = e.Sequence
		}
		full = len(events) == int(limit)
	}
	return after
}

func TestOutboxTellsEveryStateChange(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		box := s.Outbox("test", 0)
		if err := box.Open(t.Context()); err != nil {
			t.Fatalf("open: %v", err)
		}
		j := create(t, s, func(j *tasks.Job) { j.CallbackURL = "https://example.com" })
		if _, err := s.Cancel(t.Context(), tenant, j.ID); err != nil {
			t.Fatalf("cancel: %v", err)
		}
		for _, name := range []string{"first", "again, since none was acknowledged"} {
			entries, err := box.Next(t.Context(), "c1", 10, time.Second)
			if err != nil || len(entries) != 2 {
				t.Fatalf("%s: got %v, %v; want 2 entries", name, entries, err)
			}
			if e := entries[1]; e.JobID != j.ID || e.Tenant != tenant || e.Type != tasks.EventCanceled || e.Sequence != 2 || !e.Callback {
				t.Errorf("%s: got %+v", name, e)
			}
			if name != "first" {
				if err := box.Ack(t.Context(), entries...); err != nil {
					t.Fatalf("ack: %v", err)
				}
			}
		}
		if err := s.Trim(t.Context()); err != nil {
			t.Errorf("trim: %v", err)
		}
		if entries, err := box.Next(t.Context(), "c1", 10, time.Millisecond); err != nil || len(entries) != 0 {
			t.Errorf("after all were acknowledged: got %v, %v; want none", entries, err)
		}
	})
}

func TestTheRegistryForgetsSilentWorkers(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		if err := s.Beat(t.Context(), &tasks.Worker{ID: "w1"}); err != nil {
			t.Fatalf("beat: %v", err)
		}
		rdb.HSet(t.Context(), "spillway:workers", "w2", `1 {"id":"w2"}`)
		workers, err := s.Workers(t.Context())
		if err != nil || len(workers) != 1 || workers[0].ID != "w1" || workers[0].SeenAt.IsZero() {
			t.Errorf("workers: got %+v, %v; want w1 alone", workers, err)
		}
		if err := s.SignOff(t.Context(), &workers[0]); err != nil {
			t.Fatalf("sign off: %v", err)
		}
		if workers, err := s.Workers(t.Context()); err != nil || len(workers) != 1 || !workers[0].Leaving {
			t.Errorf("workers after sign-off: got %+v, %v; want w1, leaving", workers, err)
		}
	})
}

func TestARedisThatIsAwayIsSaidToBe(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { rdb.Close() })
	s := open(t, rdb)
	if _, err := s.Job(t.Context(), tenant, tasks.NewID()); tasks.CodeOf(err) != tasks.CodeUnavailable {
		t.Errorf("got %v, want %s", err, tasks.CodeUnavailable)
	}
}

func TestWhenTheNextJobIsDue(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		until := func(most time.Duration) time.Duration {
			t.Helper()
			wait, err := s.DueIn(t.Context(), most)
			if err != nil {
				t.Fatal(err)
			}
			return wait
		}
		if got := until(time.Second); got != time.Second {
			t.Errorf("no job: got %v", got)
		}
		j := create(t, s, func(j *tasks.Job) { j.SpillAt = time.Now().Add(3 * time.Second) })
		if got := until(time.Hour); got <= 0 || got > 3*time.Second {
			t.Errorf("a job that spills in 3 s: got %v", got)
		}
		rdb.ZAdd(t.Context(), "spillway:{0}:due", redis.Z{Score: 1, Member: j.ID})
		if got := until(time.Hour); got != 0 {
			t.Errorf("a job that is due: got %v", got)
		}
	})
}
