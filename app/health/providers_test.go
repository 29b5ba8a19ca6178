package health

import (
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/tasks"
)

// reaching returns a worker of the cloud lane that leaves some of its models
// alone.
func reaching(id string, models []string, circuits ...tasks.Circuit) tasks.Worker {
	return tasks.Worker{ID: id, Circuits: circuits, Serves: []tasks.LaneService{{Lane: tasks.Cloud, Slots: 2, Models: models}}}
}

func TestHealthOfProviders(t *testing.T) {
	since := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	models := []string{"deepseek/chat", "kimi/k"}
	broke := tasks.Circuit{Provider: "deepseek", Model: "chat", Reason: "quota_dead", Since: since, RetryAt: since.Add(10 * time.Minute)}
	busy := tasks.Circuit{Provider: "kimi", Model: "k", Reason: "rate_limited", Since: since.Add(time.Minute)}
	for _, c := range []struct {
		name     string
		workers  []tasks.Worker
		want     string // of each candidate
		stalled  bool
		degraded bool
	}{
		{"all is well", []tasks.Worker{reaching("a", models)}, "", false, false},
		{"one of two workers", []tasks.Worker{reaching("a", models, broke), reaching("b", models)}, "deepseek/chat degraded 1", false, false},
		{"the account has no money", []tasks.Worker{reaching("a", models, broke), reaching("b", models, broke)}, "deepseek/chat unavailable 2", false, true},
		{"one pauses", []tasks.Worker{reaching("a", models, busy)}, "kimi/k unavailable 1", false, false},
		{"every model", []tasks.Worker{reaching("a", models, broke, busy)}, "deepseek/chat unavailable 1, kimi/k unavailable 1", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			degraded := false
			for _, h := range OfProviders(c.workers) {
				got = append(got, strings.Join([]string{h.Candidate, string(h.Status), string(rune('0' + h.Workers))}, " "))
				degraded = degraded || needsAPerson(h)
				if h.Detail == "" || h.Since.IsZero() {
					t.Errorf("%+v does not say since when or what to do", h)
				}
			}
			if got := strings.Join(got, ", "); got != c.want || degraded != c.degraded {
				t.Errorf("got %q, degraded %v", got, degraded)
			}
			lane := OfLane(tasks.Cloud, c.workers, nil)
			if isStalled(lane) != c.stalled || (lane.Status == api.HealthOK) == c.stalled {
				t.Errorf("got %+v, want stalled %v", lane, c.stalled)
			}
		})
	}
}
