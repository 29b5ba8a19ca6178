package store_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/footprint"
	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

func TestPositionsAndBacklog(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb, func(c *store.Config) { c.Shards = 3 })
		var jobs []*tasks.Job
		for range 5 {
			jobs = append(jobs, create(t, s))
		}
		other := create(t, s, func(j *tasks.Job) { j.Complexity = tasks.Low })
		positions := map[int]bool{}
		for _, j := range jobs {
			n, err := s.Position(t.Context(), job(t, s, j.ID))
			if err != nil {
				t.Fatalf("position: %v", err)
			}
			positions[n] = true
		}
		if n, err := s.Position(t.Context(), job(t, s, other.ID)); n != 1 || err != nil {
			t.Errorf("position in another queue: got %d, %v, want 1", n, err)
		}
		for n := 1; n <= 5; n++ {
			if !positions[n] {
				t.Errorf("no job has position %d: %v", n, positions)
			}
		}
		claim(t, s, jobs[0].ID, "w1")
		if _, err := s.Cancel(t.Context(), tenant, jobs[1].ID); err != nil {
			t.Fatalf("cancel: %v", err)
		}
		backlog, err := s.Backlog(t.Context(), []string{"local.high", "local.low", "cloud.high"})
		if err != nil || backlog["local.high"] != 3 || backlog["local.low"] != 1 || backlog["cloud.high"] != 0 {
			t.Errorf("backlog: got %v, %v, want 3, 1 and 0", backlog, err)
		}
		if n, err := s.Hurry(t.Context(), "local.high"); n != 3 || err != nil {
			t.Errorf("hurry: got %d, %v, want 3", n, err)
		}
		if due, err := s.Due(t.Context(), 100); err != nil || len(due) != 3 {
			t.Errorf("due after hurry: got %v, %v, want 3 jobs", due, err)
		}
	})
}

// Jobs of one complexity stand in a line for each priority.
func TestEachPriorityHasALineOfItsOwn(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		lines := []struct {
			priority tasks.Priority
			queue    string
		}{
			{"", "local.high"}, {tasks.PriorityHigh, "local.high.first"}, {tasks.PriorityLow, "local.high.last"},
		}
		for _, line := range lines {
			for want := 1; want <= 2; want++ {
				j := create(t, s, func(j *tasks.Job) { j.Priority = line.priority })
				if made, kept := j.Waiting.Queue, job(t, s, j.ID).Waiting.Queue; made != line.queue || kept != line.queue {
					t.Errorf("priority %q: got queue %q, then %q, want %q", line.priority, made, kept, line.queue)
				}
				if n, err := s.Position(t.Context(), job(t, s, j.ID)); n != want || err != nil {
					t.Errorf("%s: got position %d, %v, want %d", line.queue, n, err, want)
				}
			}
		}
		for _, line := range lines {
			backlog, err := s.Backlog(t.Context(), []string{line.queue})
			if err != nil || backlog[line.queue] != 2 {
				t.Errorf("backlog of %s: got %v, %v, want 2", line.queue, backlog, err)
			}
			if n, err := s.Hurry(t.Context(), line.queue); n != 2 || err != nil {
				t.Errorf("hurry %s: got %d, %v, want 2", line.queue, n, err)
			}
		}
	})
}

// Places that stand for more jobs than one step hurries.
func TestALongQueueIsHurriedInSteps(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		last := create(t, s) // younger than all of these:
		const many = 2000
		var places, due []redis.Z
		for i := range many {
			id := fmt.Sprintf("job_%032d", i)
			places = append(places, redis.Z{Member: fmt.Sprintf("local.high:%013d:%s", i, id)})
			due = append(due, redis.Z{Score: 1e15, Member: id})
		}
		rdb.ZAdd(t.Context(), "spillway:{0}:waiting", places...)
		rdb.ZAdd(t.Context(), "spillway:{0}:due", due...)
		if n, err := s.Hurry(t.Context(), "local.high"); n != many+1 || err != nil {
			t.Errorf("hurry: got %d, %v, want %d", n, err, many+1)
		}
		ids, err := s.Due(t.Context(), 2*many)
		if err != nil || len(ids) != many+1 || !slices.Contains(ids, last.ID) {
			t.Errorf("due: got %d jobs, %v, want %d", len(ids), err, many+1)
		}
	})
}

func TestAPlaceWithoutAJobIsDropped(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb, func(c *store.Config) { c.Shards = 3 })
		for range 5 {
			deleted := create(t, s)
			keys, err := rdb.Keys(t.Context(), "*:job:"+deleted.ID+"*").Result()
			if err != nil || rdb.Del(t.Context(), keys...).Err() != nil {
				t.Fatalf("delete: %v", err)
			}
		}
		left := create(t, s)
		if err := s.Trim(t.Context()); err != nil {
			t.Fatalf("trim: %v", err)
		}
		backlog, err := s.Backlog(t.Context(), []string{"local.high"})
		if err != nil || backlog["local.high"] != 1 {
			t.Errorf("backlog: got %v, %v, want the one that is left", backlog, err)
		}
		if n, err := s.Position(t.Context(), job(t, s, left.ID)); n != 1 || err != nil {
			t.Errorf("position: got %d, %v, want 1", n, err)
		}
	})
}

func TestDurationsAreLearned(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		k := store.LearnedKey{Agent: "A02", Lane: tasks.Local}
		for _, together := range []int{1, 30, 19} {
			learn(t, s, func(l *store.Samples) {
				for range together {
					l.Duration(k, 10*time.Second)
				}
			})
		}
		all, err := s.Learned(t.Context())
		got := all[k]
		if err != nil || len(got) != 32 || got[0] != 10 || got[31] != 10 {
			t.Errorf("learned: got %+v, %v", got, err)
		}
	})
}

func TestTheFreshestHeartbeatOfOthers(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		if age, err := s.BeatAge(t.Context(), "w1"); err != nil || age <= tasks.HeartbeatTTL {
			t.Errorf("without any: got %v, %v, want more than %v", age, err, tasks.HeartbeatTTL)
		}
		if err := s.Beat(t.Context(), &tasks.Worker{ID: "w1"}); err != nil {
			t.Fatalf("beat: %v", err)
		}
		if age, err := s.BeatAge(t.Context(), "w1"); err != nil || age <= tasks.HeartbeatTTL {
			t.Errorf("with its own alone: got %v, %v, want more than %v", age, err, tasks.HeartbeatTTL)
		}
		if age, err := s.BeatAge(t.Context(), "w2"); err != nil || age > time.Second {
			t.Errorf("of another: got %v, %v, want next to nothing", age, err)
		}
	})
}

// After an outage the first worker that beats must not make the others be
// forgotten: they are about to beat, too.
func TestAnOutageOfRedisForgetsNoWorker(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		for _, id := range []string{"w1", "w2"} {
			if err := s.Beat(t.Context(), &tasks.Worker{ID: id}); err != nil {
				t.Fatalf("beat: %v", err)
			}
		}
		// As if all that was a minute ago, and w3's last word an hour.
		ago := func(d time.Duration) string { return strconv.FormatInt(time.Now().Add(-d).UnixMilli(), 10) }
		rdb.HSet(t.Context(), "spillway:workers", "w1", ago(time.Minute)+` {"id":"w1"}`, "w2", ago(time.Minute)+` {"id":"w2"}`,
			"w3", ago(time.Hour)+` {"id":"w3"}`, "#last", ago(time.Minute))
		if err := s.Beat(t.Context(), &tasks.Worker{ID: "w1"}); err != nil {
			t.Fatalf("beat: %v", err)
		}
		ids := map[string]bool{}
		workers, err := s.Workers(t.Context())
		for _, w := range workers {
			ids[w.ID] = true
		}
		if err != nil || !ids["w1"] || !ids["w2"] || ids["w3"] {
			t.Errorf("workers: got %v, %v, want w1 and w2", ids, err)
		}
		rdb.HSet(t.Context(), "spillway:workers", "#gap", ago(time.Minute)+" "+ago(tasks.HeartbeatTTL+time.Second))
		if workers, err := s.Workers(t.Context()); err != nil || len(workers) != 1 {
			t.Errorf("a while after the outage: got %v, %v, want w1 alone", workers, err)
		}
	})
}

// Among 200 workers, who each beat every two seconds, a beat must not read what the
// others say.
func TestABeatDoesNotReadAllWorkers(t *testing.T) {
	rdb := redistest.Real(t)
	s, ctx := open(t, rdb), t.Context()
	queues := strings.Split(strings.Repeat("local.high.first ", 20), " ")
	beat := func(i int) {
		t.Helper()
		if err := s.Beat(ctx, &tasks.Worker{ID: fmt.Sprint("w", i), Serves: []tasks.LaneService{{Lane: tasks.Local, Queues: queues}}}); err != nil {
			t.Fatal(err)
		}
	}
	const all = 200
	for i := range all {
		beat(i)
	}
	before, err := footprint.ReadTraffic(ctx, rdb)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		beat(i)
	}
	after, err := footprint.ReadTraffic(ctx, rdb)
	if err != nil {
		t.Fatal(err)
	}
	did := after.Since(before)
	// One that removes those that are gone may be among them.
	if did.Calls["hgetall"] > 1+all/20 || did.Sent/all > 200 {
		t.Errorf("%d beats: got %d looks at all workers and %d bytes of answers each", all, did.Calls["hgetall"], did.Sent/all)
	}
	if workers, err := s.Workers(ctx); err != nil || len(workers) != all {
		t.Errorf("got %d workers, %v, want %d", len(workers), err, all)
	}
}

// Jobs are counted where they wait, and by whose they are. A job that is taken, ends
// or waits elsewhere counts there no more, whatever becomes of its tickets.
func TestWaitingJobsAreCountedByQueueAndAgent(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		counts := func() string {
			t.Helper()
			byQueue, err := s.Queued(t.Context(), []string{"local.high", "cloud.high"})
			if err != nil {
				t.Fatal(err)
			}
			byAgent, err := s.QueuedByAgent(t.Context(), []string{"A02"})
			if err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprintf("local.high %d, cloud.high %d", byQueue["local.high"].Jobs, byQueue["cloud.high"].Jobs)
			for _, k := range store.SortAgentQueues(byAgent) {
				if q := byAgent[k]; q.Jobs > 0 {
					text += fmt.Sprintf(", %s of %q %d", k.Lane, k.Agent, q.Jobs)
				}
			}
			return text
		}
		check := func(when, want string) {
			t.Helper()
			if got := counts(); got != want {
				t.Errorf("%s: got %s; want %s", when, got, want)
			}
		}
		first, second := create(t, s), create(t, s)
		other := create(t, s, func(j *tasks.Job) { j.Agent = "B1" })
		check("made", `local.high 3, cloud.high 0, local of "" 1, local of "A02" 2`)
		claim(t, s, first.ID, "w1")
		check("one runs", `local.high 2, cloud.high 0, local of "" 1, local of "A02" 1`)
		if err := s.Release(t.Context(), first.ID, 1, store.Release{Reason: store.ReasonExhausted, Exhausted: tasks.Local}, nil); err != nil {
			t.Fatal(err)
		}
		check("it waits for the cloud", `local.high 2, cloud.high 1, cloud of "A02" 1, local of "" 1, local of "A02" 1`)
		for _, id := range []string{second.ID, other.ID} {
			if _, err := s.Cancel(t.Context(), tenant, id); err != nil {
				t.Fatal(err)
			}
		}
		check("two are canceled", `local.high 0, cloud.high 1, cloud of "A02" 1`)
		rdb.ZAdd(t.Context(), "spillway:{0}:waiting", redis.Z{Member: fmt.Sprintf("cloud.high:%d:job_x", time.Now().Add(-time.Hour).UnixMilli())})
		if q, err := s.Queued(t.Context(), []string{"cloud.high"}); err != nil || q["cloud.high"].Oldest.Round(time.Minute) != time.Hour {
			t.Errorf("the oldest: got %v, %v, want an hour", q, err)
		}
	})
}
