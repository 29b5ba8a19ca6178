package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// A network may deliver a call again when everyone has long moved on.
func TestACopyThatComesLateChangesNothing(t *testing.T) {
	link, rdb := newLink(t)
	s := store.New(rdb, store.DefaultConfig())
	t.Cleanup(func() { s.Close() })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name  string
		call  func(j *tasks.Job) // the copy is of its last script
		until func(j *tasks.Job) // what happens until the copy comes
	}{
		{
			"a claim after its attempt has handed the job back",
			func(j *tasks.Job) { claim(t, s, j.ID, "w1") },
			func(j *tasks.Job) {
				must(s.Release(t.Context(), j.ID, 1, store.Release{Reason: store.ReasonShutdown}, nil))
			},
		},
		{
			"a piece of the answer after the next one",
			func(j *tasks.Job) {
				claim(t, s, j.ID, "w1")
				must(s.Append(t.Context(), j.ID, 1, store.LogEvent{Type: tasks.EventDelta, Data: json.RawMessage(`{"text":"a"}`)}))
			},
			func(j *tasks.Job) {
				must(s.Append(t.Context(), j.ID, 1, store.LogEvent{Type: tasks.EventDelta, Data: json.RawMessage(`{"text":"b"}`)}))
			},
		},
		{
			"a cancel after the job was started anew",
			func(j *tasks.Job) {
				_, err := s.Cancel(t.Context(), tenant, j.ID)
				must(err)
			},
			func(j *tasks.Job) {
				_, err := s.Retry(t.Context(), tenant, j.ID)
				must(err)
			},
		},
		{
			"a retry after the new run has failed",
			func(j *tasks.Job) {
				_, err := s.Cancel(t.Context(), tenant, j.ID)
				must(err)
				_, err = s.Retry(t.Context(), tenant, j.ID)
				must(err)
			},
			func(j *tasks.Job) {
				claim(t, s, j.ID, "w1")
				must(s.Fail(t.Context(), j.ID, 1, tasks.Errorf(tasks.CodeExhausted, "no luck"), nil))
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := create(t, s)
			tt.call(j)
			copied := link.last()
			tt.until(j)
			want := job(t, s, j.ID)
			if !link.deliver(t, copied) {
				t.Fatal("Redis does not hold the script")
			}
			if got := job(t, s, j.ID); got.State != want.State || got.Sequence != want.Sequence || got.Attempt != want.Attempt {
				t.Errorf("got %s, event %d, attempt %d; want %s, event %d, attempt %d",
					got.State, got.Sequence, got.Attempt, want.State, want.Sequence, want.Attempt)
			}
		})
	}
}

func TestADeadlineIsNoticedWhenItComes(t *testing.T) {
	link, rdb := newLink(t)
	s := store.New(rdb, store.DefaultConfig())
	t.Cleanup(func() { s.Close() })
	j := create(t, s, func(j *tasks.Job) { j.Deadline = epoch.Add(12 * time.Second) })
	for _, step := range []struct {
		after time.Duration
		want  store.Overdue
	}{
		{5 * time.Second, store.Idle}, // the look after that would come at 35 s
		{11 * time.Second, store.Fresh},
		{12 * time.Second, store.Expired},
	} {
		link.server.SetTime(epoch.Add(step.after))
		if got, err := s.Overdue(t.Context(), j.ID, true, 0); got != step.want || err != nil {
			t.Errorf("after %v: got %s, %v, want %s", step.after, got, err, step.want)
		}
	}
}
