package store_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// Who was asked when a job was canceled takes the place of the note that the
// attempt was cut, once, and only as long as the job has not gone on.
func TestWhoWasAskedWhenAJobWasCanceled(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := store.New(rdb, store.DefaultConfig())
		defer s.Close()
		j := create(t, s)
		claim(t, s, j.ID, "w1")
		before := tasks.Attempt{Number: 1, Candidate: "a/m", Outcome: "server", Message: `},{"candidate":""`}
		if err := s.Release(t.Context(), j.ID, 1, store.Release{Reason: store.ReasonShutdown}, []tasks.Attempt{before}); err != nil {
			t.Fatal(err)
		}
		claim(t, s, j.ID, "w1")
		if _, err := s.Cancel(t.Context(), j.Tenant, j.ID); err != nil {
			t.Fatal(err)
		}
		told := []tasks.Attempt{{Number: 2, Candidate: "b/m", Outcome: tasks.OutcomeCanceled}}
		for range 2 { // the reply was lost
			if err := s.Amend(t.Context(), j.ID, 2, told); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Amend(t.Context(), j.ID, 1, told); !errors.Is(err, store.ErrStale) {
			t.Errorf("an older attempt: %v", err)
		}
		got, err := s.Job(t.Context(), j.Tenant, j.ID)
		var names []string
		for _, a := range got.Attempts {
			names = append(names, a.Candidate+" "+a.Outcome)
		}
		if err != nil || !slices.Equal(names, []string{"a/m server", "b/m canceled"}) {
			t.Errorf("attempts %v, %v", names, err)
		}
	})
}
