package worker

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
	"github.com/topcentral/spillway/worker/attempt"
)

// lose claims a job for a worker that is never heard of again.
func (w *world) lose(t *testing.T, id string) {
	t.Helper()
	c, err := w.store.Claim(t.Context(), id, tasks.Local, "lost")
	if err != nil || c.Verdict != store.Claimed {
		t.Fatalf("claim: got %+v, %v", c, err)
	}
}

func TestAnotherWorkerFinishesWhatALostOneBegan(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		t.Parallel()
		w := newWorld(t, rdb, shortLease)
		j := w.submit(t)
		w.lose(t, j.ID)
		w.start(t, localLane)
		j = w.end(t, j.ID)
		if j.State != tasks.Succeeded || string(j.Result) != answer || j.Degraded {
			t.Errorf("job: got %s, degraded %v: %s", j.State, j.Degraded, j.Result)
		}
		if j.Crashes != 1 || j.Attempt != 2 {
			t.Errorf("job: got %d crashes in %d attempts, want 1 in 2", j.Crashes, j.Attempt)
		}
	})
}

func TestAJobThatTakesItsWorkersDownIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t), func(cfg *store.Config) { cfg.Lease = time.Millisecond })
	j := w.submit(t)
	for range attempt.MaxCrashes {
		w.lose(t, j.ID)
		w.awaitLapse(t, j.ID)
	}
	w.start(t, localLane)
	if j = w.end(t, j.ID); codeOf(j) != tasks.CodeCrashLoop {
		t.Errorf("job: got %s, %v; want it failed with %s", j.State, j.Error, tasks.CodeCrashLoop)
	}
	if asked := w.local.Asked(); len(asked) > 0 {
		t.Errorf("it was tried once more: %+v", asked)
	}
}

// awaitLapse polls until the job's lease has ended, as a watchdog does.
func (w *world) awaitLapse(t *testing.T, id string) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		found, err := w.store.Overdue(t.Context(), id, true, 0)
		if err != nil {
			t.Fatalf("overdue: %v", err)
		}
		if found == store.Lapsed {
			return
		}
	}
	t.Fatal("the lease does not end")
}

func TestJobsNeedNotWaitForALaneThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t), shortLease)
	gone := &tasks.Worker{ID: "gone", Serves: []tasks.LaneService{{Lane: tasks.Local, Queues: queue.Names(tasks.Local), Slots: 1}}}
	if err := w.store.Beat(t.Context(), gone); err != nil {
		t.Fatalf("beat: %v", err)
	}
	w.start(t, cloudLane)
	j := w.submit(t)
	if err := w.store.SignOff(t.Context(), gone); err != nil {
		t.Fatalf("sign off: %v", err)
	}
	j = w.end(t, j.ID)
	if j.Lane != tasks.Cloud || j.Degraded || !j.EndedAt.Before(j.SpillAt) {
		t.Errorf("job: got it ended on %s, degraded %v, %v before its spill time; want cloud, long before", j.Lane, j.Degraded, j.SpillAt.Sub(j.EndedAt))
	}
}

// A job whose first lane is served, but has no room, gets its ticket for the other lane at
// its spill time, and not before.
func TestAJobSpillsAtItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	busy := &tasks.Worker{ID: "busy", Serves: []tasks.LaneService{{Lane: tasks.Local, Queues: queue.Names(tasks.Local), Slots: 1}}}
	if err := w.store.Beat(t.Context(), busy); err != nil {
		t.Fatalf("beat: %v", err)
	}
	w.start(t, cloudLane)
	j := w.submit(t)
	if !j.SpillAt.After(j.CreatedAt) {
		t.Fatalf("it spills when it is made: %+v", j.Plan)
	}
	spill := time.Now().Add(700 * time.Millisecond).Truncate(time.Millisecond)
	w.rdb.HSet(t.Context(), "spillway:{0}:job:"+j.ID, "spill", spill.UnixMilli())
	w.rdb.ZAdd(t.Context(), "spillway:{0}:due", redis.Z{Score: float64(spill.UnixMilli()), Member: j.ID})
	if j = w.end(t, j.ID); j.Lane != tasks.Cloud || j.Degraded || j.StartedAt.Before(spill) {
		t.Errorf("got it started on %s, %v after its spill time, degraded %v; want cloud, not before", j.Lane, j.StartedAt.Sub(spill), j.Degraded)
	}
}

func TestJobsWithoutTicketsGetSome(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t), func(cfg *store.Config) { cfg.Recheck = 100 * time.Millisecond })
	j := w.submit(t)
	// The queue has lost everything.
	if err := w.rdb.Del(t.Context(), w.rdb.Keys(t.Context(), "asynq:*").Val()...).Err(); err != nil {
		t.Fatalf("empty the queue: %v", err)
	}
	w.start(t, localLane)
	if j = w.end(t, j.ID); j.State != tasks.Succeeded || j.Degraded || j.Crashes != 0 {
		t.Errorf("job: got %s, degraded %v, %d crashes", j.State, j.Degraded, j.Crashes)
	}
}

func TestAWatchdogJudgesNothingAfterItLostSightOfRedis(t *testing.T) {
	w := newWorld(t, redistest.Embedded(t)) // its lease is 8 s
	start := time.Now()
	d := (&Worker{Parts: Parts{Store: w.store}}).watchdog()
	for _, look := range []struct {
		at   time.Duration
		want bool
		why  string
	}{
		{0, false, "nobody has seen Redis before"},
		{4 * time.Second, false, "nor after half a lease"},
		{8 * time.Second, true, "one lease has passed"},
		{9 * time.Second, true, "all is well"},
		{13 * time.Second, true, "a short silence does no harm"},
		{18 * time.Second, false, "a long one does"},
		{22 * time.Second, false, "and counts from its end"},
		{26 * time.Second, true, "for one lease"},
	} {
		if got := d.judge(t.Context(), start.Add(look.at)); got != look.want {
			t.Errorf("after %v (%s): judges: got %v, want %v", look.at, look.why, got, look.want)
		}
	}
}

func TestANewWatchdogJudgesAtOnceIfAnotherWorkerHasJustSeenRedis(t *testing.T) {
	w := newWorld(t, redistest.Embedded(t))
	if err := w.store.Beat(t.Context(), &tasks.Worker{ID: "another"}); err != nil {
		t.Fatalf("beat: %v", err)
	}
	if d := (&Worker{Parts: Parts{Store: w.store}}).watchdog(); !d.judge(t.Context(), time.Now()) {
		t.Error("it waits, although another worker's heartbeat is fresh")
	}
}

// Only leases wait for the judgement: deadlines and tickets do not.
func TestADeadlineDoesNotWaitForTheJudgement(t *testing.T) {
	w := newWorld(t, redistest.Embedded(t))
	worker := New(defaults(), Parts{Store: w.store, Log: quiet})
	j := w.submit(t)
	if _, err := w.store.Hurry(t.Context(), "local.medium"); err != nil {
		t.Fatalf("hurry: %v", err)
	}
	found, err := w.store.Overdue(t.Context(), j.ID, worker.watchdog().judge(t.Context(), time.Now()), 0)
	if err != nil || found != store.Idle {
		t.Errorf("a queued job, while no lease is judged: got %s, %v, want %s", found, err, store.Idle)
	}
}
