package metrics

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

var quiet = slog.New(slog.DiscardHandler)

func agentIDs() []string { return []string{"A02"} }

func newCollector(rdb *redis.Client) *Collector {
	return NewCollector(rdb, store.New(rdb, store.DefaultConfig()), agentIDs, quiet)
}

// want compares what is told under some names, labels in order of their names.
func want(t *testing.T, c *Collector, text string, names ...string) {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(c)
	if err := testutil.GatherAndCompare(r, strings.NewReader(text), names...); err != nil {
		t.Error(err)
	}
}

func TestWhatRedisKnowsIsTold(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		ctx := t.Context()
		if err := rdb.HSet(ctx, "spillway:{0}:counters", "now:queued", 2, "total:queued", 7, "total:succeeded", 5, "total:cache", 1,
			"total:degraded", 3, "saved:picodollars", int64(tasks.Dollar/2), "saved:tokens", 15, "waiting:acme", 2).Err(); err != nil {
			t.Fatal(err)
		}
		s := store.New(rdb, store.DefaultConfig())
		for _, w := range []tasks.Worker{
			{ID: "a", Serves: []tasks.LaneService{{Lane: tasks.Local, Slots: 2, Running: 1}, {Lane: tasks.Scorecard, Slots: 4}}},
			{ID: "b", Serves: []tasks.LaneService{{Lane: tasks.Local, Slots: 1, Running: 1}}},
			{ID: "c", Leaving: true, Serves: []tasks.LaneService{{Lane: tasks.Local, Slots: 9, Running: 9}}},
		} {
			if err := s.Beat(ctx, &w); err != nil {
				t.Fatal(err)
			}
		}
		client, inspector := asynq.NewClientFromRedisClient(rdb), asynq.NewInspectorFromRedisClient(rdb)
		for _, later := range []time.Duration{0, 0, time.Hour} {
			if _, err := client.Enqueue(asynq.NewTask("t", nil), asynq.Queue("local.high"), asynq.ProcessIn(later)); err != nil {
				t.Fatal(err)
			}
		}
		if err := inspector.PauseQueue("local.high"); err != nil {
			t.Fatal(err)
		}
		c := NewCollector(rdb, s, agentIDs, quiet)
		want(t, c, `
			# HELP spillway_redis_up Whether Redis answered when it was last asked for metrics: 1 or 0.
			# TYPE spillway_redis_up gauge
			spillway_redis_up 1
			# HELP spillway_jobs Jobs that have not ended, by state.
			# TYPE spillway_jobs gauge
			spillway_jobs{state="queued"} 2
			spillway_jobs{state="running"} 0
			spillway_jobs{state="scheduled"} 0
			# HELP spillway_jobs_entered_total How often jobs have entered a state.
			# TYPE spillway_jobs_entered_total counter
			spillway_jobs_entered_total{state="canceled"} 0
			spillway_jobs_entered_total{state="failed"} 0
			spillway_jobs_entered_total{state="queued"} 7
			spillway_jobs_entered_total{state="running"} 0
			spillway_jobs_entered_total{state="scheduled"} 0
			spillway_jobs_entered_total{state="succeeded"} 5
			# HELP spillway_jobs_given_total Jobs that got a result without a call of their own, by where it came from.
			# TYPE spillway_jobs_given_total counter
			spillway_jobs_given_total{by="cache"} 1
			spillway_jobs_given_total{by="fast_path"} 0
			# HELP spillway_jobs_degraded_total Jobs that the scorecard answered as the last resort.
			# TYPE spillway_jobs_degraded_total counter
			spillway_jobs_degraded_total 3
			# HELP spillway_saved_dollars_total What calls would have cost that were needless, because an equal job had a result.
			# TYPE spillway_saved_dollars_total counter
			spillway_saved_dollars_total 0.5
			# HELP spillway_saved_tokens_total Tokens of those calls.
			# TYPE spillway_saved_tokens_total counter
			spillway_saved_tokens_total 15
			# HELP spillway_workers Live workers that serve a lane.
			# TYPE spillway_workers gauge
			spillway_workers{lane="cloud"} 0
			spillway_workers{lane="local"} 2
			spillway_workers{lane="scorecard"} 1
			# HELP spillway_worker_slots Jobs that the live workers of a lane can run at once.
			# TYPE spillway_worker_slots gauge
			spillway_worker_slots{lane="cloud"} 0
			spillway_worker_slots{lane="local"} 3
			spillway_worker_slots{lane="scorecard"} 4
			# HELP spillway_worker_running Jobs that the live workers of a lane run.
			# TYPE spillway_worker_running gauge
			spillway_worker_running{lane="cloud"} 0
			spillway_worker_running{lane="local"} 2
			spillway_worker_running{lane="scorecard"} 0
			`, "spillway_redis_up", "spillway_jobs", "spillway_jobs_entered_total", "spillway_jobs_given_total", "spillway_jobs_degraded_total",
			"spillway_saved_dollars_total", "spillway_saved_tokens_total", "spillway_workers", "spillway_worker_slots", "spillway_worker_running")
		var told []string
		for _, q := range c.last().queues {
			if q.States != [6]int64{} || q.Paused {
				told = append(told, q.Queue)
			}
			if q.Queue == "local.high" && (q.States != [6]int64{2, 0, 1} || !q.Paused || q.Oldest <= 0) {
				t.Errorf("local.high: got %+v", q)
			}
		}
		if !slices.Equal(told, []string{"local.high"}) {
			t.Errorf("queues with tasks: got %v", told)
		}
	})
}

// TestNamesAreGood looks with the linter of Prometheus. Names that others have
// made well known stay as they are.
func TestNamesAreGood(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(newCollector(redistest.Embedded(t)))
	problems, err := testutil.GatherAndLint(r)
	if err != nil {
		t.Fatal(err)
	}
	wellKnown := []string{"asynq_tasks_enqueued_total", "asynq_queue_paused_total"}
	for _, p := range problems {
		if !slices.Contains(wellKnown, p.Metric) {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestEveryQueueIsToldAlsoBeforeItIsUsed(t *testing.T) {
	c := newCollector(redistest.Embedded(t))
	if got, want := testutil.CollectAndCount(c, "asynq_queue_size"), len(queue.All()); got != want {
		t.Errorf("queues: got %d, want %d", got, want)
	}
}

func TestARedisThatIsAwayIsTold(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	defer rdb.Close()
	c := newCollector(rdb)
	want(t, c, "# HELP spillway_redis_up Whether Redis answered when it was last asked for metrics: 1 or 0.\n# TYPE spillway_redis_up gauge\nspillway_redis_up 0\n")
}

func TestScrapesShareALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Collector{log: quiet, looked: time.Now(), seen: &sight{}}
		first := c.seen
		time.Sleep(keptFor - time.Nanosecond)
		if c.last() != first {
			t.Error("it has looked again at once")
		}
	})
}

// What waits is counted from jobs: tickets that have outlived theirs, as those for a
// Mac that sleeps while the cloud answers, are not jobs that wait.
func TestSpentTicketsDoNotWait(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		client := asynq.NewClientFromRedisClient(rdb)
		if _, err := client.Enqueue(asynq.NewTask("t", nil), asynq.Queue("local.high")); err != nil {
			t.Fatal(err)
		}
		s := store.New(rdb, store.DefaultConfig())
		for _, j := range []tasks.Job{{Agent: "A02", Lanes: []tasks.Lane{tasks.Cloud}}, {Agent: "B1", Lanes: []tasks.Lane{tasks.Local}}} {
			j.ID, j.Tenant, j.Complexity, j.Deadline = tasks.NewID(), "acme", tasks.Low, time.Now().Add(time.Hour)
			if _, err := s.Create(t.Context(), &j, []byte(`{}`), store.Idempotency{}); err != nil {
				t.Fatal(err)
			}
		}
		seen := NewCollector(rdb, s, agentIDs, quiet).last()
		if got := seen.queued["local.high"]; got != (store.Queued{}) {
			t.Errorf("local.high: got %+v, want no job", got)
		}
		if seen.queued["cloud.low"].Jobs != 1 || seen.queued["local.low"].Jobs != 1 {
			t.Errorf("got %v, want a job in cloud.low and one in local.low", seen.queued)
		}
		if seen.byAgent[store.AgentQueue{Lane: tasks.Cloud, Agent: "A02"}].Jobs != 1 || seen.byAgent[store.AgentQueue{Lane: tasks.Local}].Jobs != 1 {
			t.Errorf("by agent: got %v", seen.byAgent)
		}
	})
}
