package dispatch

import (
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The agents in testdata. All want an input with a kind; their target is 30 s
// and their deadline 5 min.
const (
	open    = "T1" // medium, local first, then cloud; with a scorecard
	private = "T2" // medium, its data stays local; with a scorecard
	remote  = "T3" // medium, cloud only; without a scorecard
)

// catalogue holds these agents beside the built-in ones.
var catalogue = sync.OnceValues(func() (*agents.Catalogue, error) { return agents.Open("testdata/agents", quiet) })

var quiet = slog.New(slog.DiscardHandler)

// anyURL accepts every callback.
func anyURL(string) error { return nil }

// system is a dispatcher with its store.
type system struct {
	*Dispatcher
	rdb *redis.Client
}

// newSystem returns a dispatcher that keeps jobs in rdb and puts tickets into
// queues, which may be the same.
func newSystem(t *testing.T, rdb, queues *redis.Client, checkCallback func(string) error) *system {
	t.Helper()
	all, err := catalogue()
	if err != nil {
		t.Fatalf("load agents: %v", err)
	}
	s := store.New(rdb, store.DefaultConfig())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return &system{New(s, queue.NewClient(queues), all, Config{CheckCallback: checkCallback}, quiet), rdb}
}

// beat makes a worker live that serves the queues of the lanes.
func (s *system) beat(t *testing.T, lanes ...tasks.Lane) {
	t.Helper()
	w := &tasks.Worker{ID: "w1"}
	for _, lane := range lanes {
		w.Serves = append(w.Serves, tasks.LaneService{Lane: lane, Queues: queue.Names(lane), Slots: 1})
	}
	if err := s.store.Beat(t.Context(), w); err != nil {
		t.Fatalf("beat: %v", err)
	}
}

// tickets tells what is in the queues: "local.medium now" for a ticket that may
// be taken, "cloud.medium later" for one that is not due; sorted. Tickets that
// are not due fall due at the time that is returned.
func tickets(t *testing.T, rdb *redis.Client) (all []string, due time.Time) {
	t.Helper()
	in := asynq.NewInspectorFromRedisClient(rdb)
	names, err := in.Queues()
	if err != nil {
		t.Fatalf("queues: %v", err)
	}
	for _, name := range names {
		now, err := in.ListPendingTasks(name)
		if err != nil {
			t.Fatalf("tickets: %v", err)
		}
		for range now {
			all = append(all, name+" now")
		}
		later, err := in.ListScheduledTasks(name)
		if err != nil {
			t.Fatalf("tickets: %v", err)
		}
		for _, task := range later {
			all, due = append(all, name+" later"), task.NextProcessAt
		}
	}
	slices.Sort(all)
	return all, due
}
