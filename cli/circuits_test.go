package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
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
			for _, h := range providerHealth(c.workers) {
				got = append(got, strings.Join([]string{h.Candidate, string(h.Status), string(rune('0' + h.Workers))}, " "))
				degraded = degraded || needsAPerson(h)
				if h.Detail == "" || h.Since.IsZero() {
					t.Errorf("%+v does not say since when or what to do", h)
				}
			}
			if got := strings.Join(got, ", "); got != c.want || degraded != c.degraded {
				t.Errorf("got %q, degraded %v", got, degraded)
			}
			lane := laneHealth(tasks.Cloud, c.workers, nil)
			if isStalled(lane) != c.stalled || (lane.Status == api.HealthOK) == c.stalled {
				t.Errorf("got %+v, want stalled %v", lane, c.stalled)
			}
		})
	}
}

func TestProvidersStatusAndReset(t *testing.T) {
	addr := redistest.Start(t).Addr
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+addr)
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	defer rdb.Close()
	jobs := store.New(rdb, store.DefaultConfig())
	defer jobs.Close()
	ctx := context.Background()
	circuit := tasks.Circuit{Provider: "deepseek", Model: "chat", Reason: "quota_dead", Since: time.Now().Add(-time.Minute), RetryAt: time.Now().Add(5 * time.Minute)}
	w := reaching("a", []string{"deepseek/chat"}, circuit)
	if err := jobs.Beat(ctx, &w); err != nil {
		t.Fatal(err)
	}
	out, errs, code := command(t, "providers", "status")
	if code != exitOK || !strings.Contains(out, "deepseek/chat  1        quota_dead") || !strings.Contains(out, "top it up") {
		t.Errorf("status: exit %d\n%s%s", code, out, errs)
	}
	if out, errs, code = command(t, "providers", "reset", "deepseek"); code != exitOK || !strings.Contains(out, "deepseek: every worker tries it again") {
		t.Errorf("reset: exit %d\n%s%s", code, out, errs)
	}
	if words, err := jobs.Resets(ctx); err != nil || words["deepseek"] == "" {
		t.Errorf("got %v, %v", words, err)
	}
	if _, errs, code = command(t, "providers", "reset", "deepsek"); code != exitError || !strings.Contains(errs, `no worker asks a provider named "deepsek"`) {
		t.Errorf("a name that does not exist: exit %d\n%s", code, errs)
	}
}
