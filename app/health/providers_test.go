package health

import (
	"encoding/json"
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

// A lane whose providers fail their probes is not well, unless nobody relies on them.
func TestProvidersThatCannotBeReached(t *testing.T) {
	since := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	awaiting := func(all ...tasks.Awaited) tasks.Worker { return tasks.Worker{ID: "a", Awaits: all} }
	lost := tasks.Awaited{Lane: tasks.Local, Provider: "ollama", Lost: true, Reason: "transport", Since: since}
	never := tasks.Awaited{Lane: tasks.Local, Provider: "ollama", Reason: "transport", Since: since}
	named := tasks.Awaited{Lane: tasks.Local, Provider: "vllm", Configured: true, Reason: "transport", Since: since}
	loading := tasks.Awaited{Lane: tasks.Local, Provider: "ollama", Starting: true, Reason: "timeout", Since: since}
	refused := tasks.Awaited{Lane: tasks.Cloud, Provider: "kimi", Reason: "auth_dead", Since: since}
	for _, c := range []struct {
		name    string
		workers []tasks.Worker
		want    string // of each provider
		cut     bool
	}{
		{"a local model that was there", []tasks.Worker{awaiting(lost)}, "ollama unavailable 1", true},
		{"one that never was", []tasks.Worker{awaiting(never)}, "ollama unavailable 1", false},
		{"one that never was, and that settings name", []tasks.Worker{awaiting(named)}, "vllm unavailable 1", true},
		{"one that is starting", []tasks.Worker{awaiting(loading)}, "ollama unavailable 1", false},
		{"a cloud whose key is refused", []tasks.Worker{awaiting(refused)}, "kimi unavailable 1", true},
		{"both lanes", []tasks.Worker{awaiting(lost, refused), awaiting(refused)}, "kimi unavailable 2, ollama unavailable 1", true},
		{"another worker reaches it", []tasks.Worker{awaiting(refused), reaching("b", []string{"kimi/k"})}, "kimi degraded 1", false},
		{"another cloud answers", []tasks.Worker{awaiting(refused), reaching("b", []string{"deepseek/chat"})}, "kimi unavailable 1", false},
		{"a worker of an older version", []tasks.Worker{awaiting(tasks.Awaited{Lane: tasks.Cloud, Provider: "kimi"})}, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, h := range OfProviders(c.workers) {
				got = append(got, strings.Join([]string{h.Candidate, string(h.Status), string(rune('0' + h.Workers))}, " "))
				if text, err := json.Marshal(h); err != nil || strings.Contains(string(text), "retry_at") {
					t.Errorf("%s says when it is called again (%v)", text, err)
				}
				if h.Detail == "" || h.Reason == "" || h.Since.IsZero() {
					t.Errorf("%+v does not say since when, why or what to do", h)
				}
			}
			if got := strings.Join(got, ", "); got != c.want || anyCutOff(c.workers) != c.cut {
				t.Errorf("got %q, cut off %v; want %q, %v", got, anyCutOff(c.workers), c.want, c.cut)
			}
			for _, lane := range []tasks.Lane{tasks.Local, tasks.Cloud} {
				if h := OfLane(lane, c.workers, nil); len(cutOff(lane, c.workers)) > 0 && (h.Status != api.HealthUnavailable || !strings.Contains(h.Detail, "cannot reach")) {
					t.Errorf("got %+v", h)
				}
			}
		})
	}
}
