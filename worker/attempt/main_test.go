package attempt

import (
	"encoding/json"
	"log/slog"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/dispatch"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
	"github.com/topcentral/spillway/worker/fleet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	quiet     = slog.New(slog.DiscardHandler)
	catalogue = sync.OnceValues(func() (*agents.Catalogue, error) { return agents.Open("../testdata/agents", quiet) })
)

// world is a store and a queue without workers, and the Runner of one.
type world struct {
	*dispatch.Dispatcher
	rdb    *redis.Client
	store  *store.Store
	runner *Runner
}

func newWorld(t *testing.T) *world {
	t.Helper()
	all, err := catalogue()
	if err != nil {
		t.Fatalf("load agents: %v", err)
	}
	rdb := redistest.Embedded(t)
	s := store.New(rdb, store.DefaultConfig())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	w := &world{rdb: rdb, store: s, Dispatcher: dispatch.New(s, queue.NewClient(rdb), all, dispatch.Config{}, quiet)}
	w.runner = NewRunner(Config{}, Parts{
		Worker: "w1", Store: s, Dispatcher: w.Dispatcher, Agents: all,
		Fleet: fleet.New(fleet.Config{}, all, quiet), Log: quiet,
	})
	t.Cleanup(w.runner.Abort)
	return w
}

// submit makes a job of T1.
func (w *world) submit(t *testing.T, change ...func(*tasks.Submission)) *tasks.Job {
	t.Helper()
	s := tasks.Submission{Agent: "T1", Input: json.RawMessage(`{"kind":"good"}`)}
	for _, f := range change {
		f(&s)
	}
	j, _, err := w.Submit(t.Context(), "acme", &s)
	if err != nil {
		t.Fatalf("submit: %v", err)
	}
	return j
}

// follows fails the test unless a job follows a leader.
func (w *world) follows(t *testing.T, j *tasks.Job, leader string) {
	t.Helper()
	if got := w.rdb.HGet(t.Context(), "spillway:{0}:job:"+j.ID, "follows").Val(); got != leader {
		t.Fatalf("job %s follows %q, want %q", j.ID, got, leader)
	}
}
