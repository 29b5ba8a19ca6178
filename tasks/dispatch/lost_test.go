package dispatch

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

// Whatever Redis lost of asynq's keys, issuing a job's tickets again brings back
// those that are gone, and only those.
func TestIssueReplacesLostTickets(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := newSystem(t, rdb, rdb, anyURL)
		s.beat(t, tasks.Local, tasks.Cloud)
		j, _, err := s.Submit(t.Context(), "acme", &tasks.Submission{Agent: open, Input: json.RawMessage(`{"kind":"a"}`)})
		if err != nil {
			t.Fatalf("submit: %v", err)
		}
		later := j.SpillAt
		issue := func() {
			t.Helper()
			if err := s.Issue(t.Context(), j); err != nil {
				t.Fatalf("issue: %v", err)
			}
			if err := s.IssueOn(t.Context(), j, tasks.Cloud, later); err != nil {
				t.Fatalf("issue: %v", err)
			}
		}
		issue()
		want, _ := tickets(t, rdb)
		for _, lost := range []string{"asynq:{local.medium}:pending", "asynq:{cloud.medium}:scheduled"} {
			if n := rdb.Del(t.Context(), lost).Val(); n != 1 {
				t.Fatalf("there is no %s to lose; tickets: %v", lost, want)
			}
			issue()
			issue()
			if got, _ := tickets(t, rdb); !slices.Equal(got, want) {
				t.Errorf("after the loss of %s: got %v, want %v", lost, got, want)
			}
		}
	})
}
