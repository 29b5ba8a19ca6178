package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

func TestProvidersStatusAndReset(t *testing.T) {
	addr := redistest.Start(t).Addr
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+addr)
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	defer rdb.Close()
	jobs := store.New(rdb, store.DefaultConfig())
	defer jobs.Close()
	ctx := context.Background()
	circuit := tasks.Circuit{Provider: "deepseek", Model: "chat", Reason: "quota_dead", Since: time.Now().Add(-time.Minute), RetryAt: time.Now().Add(5 * time.Minute)}
	if out, errs, code := command(t, "providers", "status"); code != exitOK || !strings.Contains(out, "no worker is alive, so no model is called") {
		t.Errorf("without a worker: exit %d\n%s%s", code, out, errs)
	}
	w := tasks.Worker{ID: "a", Serves: []tasks.LaneService{{Lane: tasks.Cloud, Models: []string{"deepseek/chat"}}}, Circuits: []tasks.Circuit{circuit}}
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
