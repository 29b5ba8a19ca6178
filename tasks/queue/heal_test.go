package queue

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

var high = keysOf("local.high")

// look does a round of healing by a new worker.
func look(t *testing.T, h *Healer) {
	t.Helper()
	if err := h.Look(t.Context()); err != nil {
		t.Fatalf("look: %v", err)
	}
}

// do runs a command by which Redis loses something, or tells what it has.
func do(t *testing.T, rdb *redis.Client, args ...any) any {
	t.Helper()
	v, err := rdb.Do(t.Context(), args...).Result()
	if err != nil && err != redis.Nil { //nolint:errorlint // go-redis returns it bare
		t.Fatalf("%v: %v", args, err)
	}
	return v
}

// states tells in which of its queue's lists a task is.
func states(t *testing.T, rdb *redis.Client, k queueKeys, id string) []string {
	t.Helper()
	var in []string
	for name, list := range map[string]string{"pending": k.pending(), "active": k.active()} {
		ids, err := rdb.LRange(t.Context(), list, 0, -1).Result()
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(ids, id) {
			in = append(in, name)
		}
	}
	sets := map[string]string{"lease": k.lease(), "scheduled": k.scheduled(), "retry": k.retry(), "archived": k.archived(), "completed": k.completed()}
	for name, set := range sets {
		if err := rdb.ZScore(t.Context(), set, id).Err(); err == nil {
			in = append(in, name)
		}
	}
	slices.Sort(in)
	return in
}

// held serves local.high with a handler that keeps its ticket until release.
func held(t *testing.T, rdb *redis.Client) (id string, release func()) {
	t.Helper()
	got, let := make(chan Ticket, 1), make(chan struct{})
	s := serve(t, rdb, highQueue, Handlers{Ticket: func(_ context.Context, ticket Ticket) error {
		got <- ticket
		<-let
		return nil
	}})
	enqueue(t, rdb, highTicket("held"))
	receive(t, got)
	s.Stop()
	return highTicket("held").taskID(false), sync.OnceFunc(func() { close(let) })
}

// What Spillway knows of asynq's keys is what asynq does.
func TestKeysAreThoseOfAsynq(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		client := asynq.NewClientFromRedisClient(rdb)
		put := func(id string, opts ...asynq.Option) {
			t.Helper()
			if _, err := client.Enqueue(asynq.NewTask("t", nil), append(opts, asynq.Queue("q"), asynq.TaskID(id))...); err != nil {
				t.Fatalf("enqueue %s: %v", id, err)
			}
		}
		put("scheduled", asynq.ProcessIn(time.Hour))
		put("retry")
		put("archived")
		put("completed", asynq.Retention(time.Hour))
		put("active")
		began, let := make(chan struct{}), make(chan struct{})
		defer close(let)
		srv := asynq.NewServerFromRedisClient(rdb, asynq.Config{
			Concurrency: 1, Queues: map[string]int{"q": 1}, TaskCheckInterval: pollEvery, Logger: newLogger(quiet), ShutdownTimeout: time.Millisecond,
		})
		err := srv.Start(asynq.HandlerFunc(func(ctx context.Context, _ *asynq.Task) error {
			switch id, _ := asynq.GetTaskID(ctx); id {
			case "retry":
				return fmt.Errorf("later")
			case "archived":
				return asynq.SkipRetry
			case "active":
				close(began)
				<-let
			}
			return nil
		}))
		if err != nil {
			t.Fatalf("start: %v", err)
		}
		defer srv.Shutdown()
		<-began
		srv.Stop()
		put("pending")

		k := keysOf("q")
		for id, want := range map[string][]string{
			"pending": {"pending"}, "active": {"active", "lease"}, "scheduled": {"scheduled"}, "retry": {"retry"},
			"archived": {"archived"}, "completed": {"completed"},
		} {
			if got := states(t, rdb, k, id); !slices.Equal(got, want) {
				t.Errorf("%s: it is in %v, want %v", id, got, want)
			}
			if got := do(t, rdb, "HGET", k.task(id), "state"); got != id {
				t.Errorf("%s: its state is %v", id, got)
			}
		}
		if got := do(t, rdb, "SISMEMBER", publishedKey, "q"); got != int64(1) {
			t.Errorf("the queue is not in %s", publishedKey)
		}
		if err := asynq.NewInspectorFromRedisClient(rdb).PauseQueue("q"); err != nil || do(t, rdb, "EXISTS", k.paused()) != int64(1) {
			t.Errorf("the queue was paused, and there is no %s: %v", k.paused(), err)
		}
		if queue, id, ok := parseTask(k.task("a:b")); queue != "q" || id != "a:b" || !ok {
			t.Errorf("the key of a task was read as %q, %q, %v", queue, id, ok)
		}
	})
}

func TestAQueueIsListedAgain(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		enqueue(t, rdb, highTicket("j1"))
		do(t, rdb, "DEL", publishedKey)
		look(t, NewHealer(rdb, quiet))
		if got := depth(t, rdb, "local.high"); got.Waiting != 1 {
			t.Errorf("got %+v, want one that waits", got)
		}
		all, err := NewInspector(rdb).Depths()
		if err != nil || len(all) != 1 {
			t.Errorf("queues: got %v, %v; want the one that is in use", all, err)
		}
	})
}

func TestGhostsGo(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		c := NewClient(rdb)
		for i := range 3 { // those before and after the ghosts stay
			enqueue(t, rdb, highTicket(fmt.Sprint("j", i)))
		}
		if err := c.Enqueue(t.Context(), highTicket("later"), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		do(t, rdb, "DEL", high.task(highTicket("j1").taskID(false)))
		do(t, rdb, "LPUSH", high.active(), "ghost-active")
		do(t, rdb, "ZADD", high.lease(), 1, "ghost-active")
		do(t, rdb, "ZADD", high.scheduled(), 1, "ghost-scheduled")
		do(t, rdb, "ZADD", high.retry(), 1, "ghost-retry")
		look(t, NewHealer(rdb, quiet))
		for _, id := range []string{highTicket("j1").taskID(false), "ghost-active", "ghost-scheduled", "ghost-retry"} {
			if in := states(t, rdb, high, id); len(in) > 0 {
				t.Errorf("%s is still in %v", id, in)
			}
		}
		awaitDepth(t, rdb, Depth{Queue: "local.high", Waiting: 2, Later: 1})
	})
}

func TestAnActiveTicketWithoutALeaseIsTakenBack(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		id, release := held(t, rdb)
		defer release()
		h := NewHealer(rdb, quiet)
		h.patience = 0
		look(t, h)
		look(t, h)
		if got, want := states(t, rdb, high, id), []string{"active", "lease"}; !slices.Equal(got, want) {
			t.Fatalf("a ticket that is in good hands is in %v, want %v", got, want)
		}
		do(t, rdb, "DEL", high.lease())
		look(t, h)
		if got, want := states(t, rdb, high, id), []string{"active"}; !slices.Equal(got, want) {
			t.Errorf("at the first look: in %v, want %v still", got, want)
		}
		look(t, h)
		if got := states(t, rdb, high, id); len(got) > 0 {
			t.Errorf("at the second look: still in %v", got)
		}
		enqueue(t, rdb, highTicket("held")) // its ID is free again
		awaitDepth(t, rdb, Depth{Queue: "local.high", Waiting: 1})
	})
}

func TestALeaselessTicketGetsItsTime(t *testing.T) {
	rdb := redistest.Embedded(t)
	id, release := held(t, rdb)
	defer release()
	do(t, rdb, "DEL", high.lease())
	h := NewHealer(rdb, quiet)
	look(t, h)
	look(t, h)
	if got, want := states(t, rdb, high, id), []string{"active"}; !slices.Equal(got, want) {
		t.Errorf("within %v: in %v, want %v", leaselessFor, got, want)
	}
}

func TestANoticeWithoutALeaseIsPutBack(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		began, let := make(chan Notice, 2), make(chan struct{})
		s := serve(t, rdb, ServerConfig{Queues: []string{Webhooks}, Slots: 1}, Handlers{Notice: func(_ context.Context, n Notice) error {
			began <- n
			<-let
			return nil
		}})
		defer close(let)
		if err := NewClient(rdb).EnqueueWebhook(t.Context(), Notice{ID: "evt_1"}); err != nil {
			t.Fatal(err)
		}
		receive(t, began)
		s.Stop()
		do(t, rdb, "DEL", keysOf(Webhooks).lease())
		h := NewHealer(rdb, quiet)
		h.patience = 0
		look(t, h)
		look(t, h)
		if got, want := states(t, rdb, keysOf(Webhooks), "evt_1"), []string{"pending"}; !slices.Equal(got, want) {
			t.Errorf("in %v, want %v", got, want)
		}
	})
}

// What is in no list is found by its key: a webhook is put back, since nothing
// else remembers it; a ticket is deleted, since its job gets another.
func TestTasksInNoListAreFound(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		if err := NewClient(rdb).EnqueueWebhook(t.Context(), Notice{ID: "evt_1"}); err != nil {
			t.Fatal(err)
		}
		enqueue(t, rdb, highTicket("j1"))
		do(t, rdb, "HSET", "asynq:{other}:t:x", "state", "pending") // not of our queues
		do(t, rdb, "DEL", keysOf(Webhooks).pending(), high.pending())
		look(t, NewHealer(rdb, quiet))

		if n := do(t, rdb, "EXISTS", high.task(highTicket("j1").taskID(false))); n != int64(0) {
			t.Error("the lost ticket is still there")
		}
		if n := do(t, rdb, "EXISTS", "asynq:{other}:t:x"); n != int64(1) {
			t.Error("another's task was touched")
		}
		sent := make(chan Notice, 1)
		serve(t, rdb, ServerConfig{Queues: []string{Webhooks}, Slots: 1}, Handlers{Notice: func(_ context.Context, n Notice) error {
			sent <- n
			return nil
		}})
		if got := receive(t, sent); got.ID != "evt_1" {
			t.Errorf("got %+v", got)
		}
	})
}

// On a cluster the lists lie on several masters, and the keys are looked for on
// each.
func TestHealingOnACluster(t *testing.T) {
	rdb := redistest.StartCluster(t).Client(t)
	c := NewClient(rdb)
	for _, complexity := range tasks.Complexities() {
		if err := c.Enqueue(t.Context(), Ticket{JobID: "j1", Lane: tasks.Cloud, Complexity: complexity}, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.EnqueueWebhook(t.Context(), Notice{ID: "evt_1"}); err != nil {
		t.Fatal(err)
	}
	for _, queue := range All() {
		rdb.Del(t.Context(), keysOf(queue).pending())
	}
	rdb.LPush(t.Context(), high.pending(), "ghost")
	look(t, NewHealer(rdb, quiet))

	for _, queue := range Names(tasks.Cloud) {
		if n, err := rdb.Exists(t.Context(), keysOf(queue).task("j1.cloud.0")).Result(); err != nil || n != 0 {
			t.Errorf("%s: the lost ticket is still there (%v)", queue, err)
		}
	}
	if n, err := rdb.LLen(t.Context(), high.pending()).Result(); err != nil || n != 0 {
		t.Errorf("the ghost is still there (%v)", err)
	}
	if ids, err := rdb.LRange(t.Context(), keysOf(Webhooks).pending(), 0, -1).Result(); err != nil || !slices.Equal(ids, []string{"evt_1"}) {
		t.Errorf("webhooks: got %v, %v; want the one that was lost", ids, err)
	}
	s, err := Maintain(rdb, quiet)
	if err != nil {
		t.Fatalf("maintain: %v", err)
	}
	s.Shutdown()
}

func TestOneSweepServesAllWorkers(t *testing.T) {
	rdb := redistest.Embedded(t)
	look(t, NewHealer(rdb, quiet))
	enqueue(t, rdb, highTicket("j1"))
	do(t, rdb, "DEL", high.pending())
	look(t, NewHealer(rdb, quiet))
	if n := do(t, rdb, "EXISTS", high.task(highTicket("j1").taskID(false))); n != int64(1) {
		t.Error("the second worker swept, too")
	}
}

// A sweep reads a part of the keys, and the next one goes on from there.
func TestASweepGoesOnWhereTheLastOneEnded(t *testing.T) {
	rdb := redistest.Real(t)
	c := NewClient(rdb)
	for range 5 * sweepPage {
		do(t, rdb, "SET", rand.Text(), "another's")
	}
	if err := c.Enqueue(t.Context(), highTicket("j1"), time.Time{}); err != nil {
		t.Fatal(err)
	}
	do(t, rdb, "DEL", high.pending())
	task := high.task(highTicket("j1").taskID(false))
	sweeps := 0
	for do(t, rdb, "EXISTS", task) == int64(1) && sweeps < 20 {
		do(t, rdb, "DEL", sweepKey)
		h := NewHealer(rdb, quiet) // by another worker each time
		h.pages = 1
		look(t, h)
		sweeps++
	}
	if n := do(t, rdb, "EXISTS", task); n != int64(0) {
		t.Errorf("after %d sweeps the lost task is still there", sweeps)
	}
}

// Healers that look all the time take nothing away from a queue that works.
func TestHealersDoNoHarm(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		const n = 300
		var mu sync.Mutex
		seen := map[string]int{}
		all := make(chan struct{})
		serve(t, rdb, ServerConfig{Queues: Names(tasks.Local), Slots: 8, Drain: time.Second}, Handlers{Ticket: func(_ context.Context, got Ticket) error {
			mu.Lock()
			defer mu.Unlock()
			seen[got.JobID]++
			if len(seen) == n {
				close(all)
			}
			return nil
		}})
		healing, stop := context.WithCancel(t.Context())
		var healers sync.WaitGroup
		for range 3 {
			healers.Go(func() {
				h := NewHealer(rdb, quiet)
				h.patience = 0
				for healing.Err() == nil {
					rdb.Del(healing, sweepKey)
					if err := h.Look(healing); err != nil && healing.Err() == nil {
						t.Errorf("look: %v", err)
					}
				}
			})
		}
		c := NewClient(rdb)
		for i := range n {
			if err := c.Enqueue(t.Context(), Ticket{JobID: fmt.Sprint("j", i), Lane: tasks.Local, Complexity: tasks.Complexities()[i%4]}, time.Time{}); err != nil {
				t.Fatalf("enqueue: %v", err)
			}
		}
		receive(t, all)
		stop()
		healers.Wait()
		for id, times := range seen {
			if times != 1 {
				t.Errorf("%s was handled %d times", id, times)
			}
		}
	})
}

// Tickets move also where no server takes any.
func TestMaintainMovesWhatNobodyServes(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		t.Parallel()
		if err := NewClient(rdb).Enqueue(t.Context(), highTicket("j1"), time.Now().Add(1100*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		s, err := Maintain(rdb, quiet)
		if err != nil {
			t.Fatalf("maintain: %v", err)
		}
		defer s.Shutdown()
		awaitDepth(t, rdb, Depth{Queue: "local.high", Later: 1})
		awaitDepth(t, rdb, Depth{Queue: "local.high", Waiting: 1})
	})
}

// A ticket whose server died comes back although no server lists its queue.
func TestMaintainTakesBackWhatLostItsWorker(t *testing.T) {
	t.Parallel()
	rdb := redistest.Real(t)
	enqueue(t, rdb, highTicket("j1"))
	id := highTicket("j1").taskID(false)
	do(t, rdb, "LMOVE", high.pending(), high.active(), "RIGHT", "LEFT")
	do(t, rdb, "HSET", high.task(id), "state", "active")
	do(t, rdb, "ZADD", high.lease(), time.Now().Add(-time.Minute).Unix(), id)
	s, err := Maintain(rdb, quiet)
	if err != nil {
		t.Fatalf("maintain: %v", err)
	}
	defer s.Shutdown()
	awaitDepth(t, rdb, Depth{Queue: "local.high", Waiting: 1})
}

// Between its start and its stop the maintenance server may take a task; it is
// not lost by that.
func TestMaintainSwallowsNothing(t *testing.T) {
	t.Parallel()
	rdb := redistest.Real(t)
	const n = 40
	for i := range n {
		enqueue(t, rdb, Ticket{JobID: fmt.Sprint("j", i), Lane: tasks.Local, Complexity: tasks.Complexities()[i%4]})
	}
	if err := NewClient(rdb).EnqueueWebhook(t.Context(), Notice{ID: "evt_1"}); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		s, err := Maintain(rdb, quiet)
		if err != nil {
			t.Fatalf("maintain: %v", err)
		}
		s.Shutdown()
	}
	all, err := NewInspector(rdb).Depths()
	if err != nil {
		t.Fatal(err)
	}
	waiting, put := 0, 0
	for _, d := range all {
		waiting, put = waiting+d.Waiting+d.Later, put+d.Later
		if d.Taken+d.Dead > 0 {
			t.Errorf("%+v: some are in nobody's hands", d)
		}
	}
	if waiting != n+1 {
		t.Errorf("%d tasks are left, want %d", waiting, n+1)
	}
	t.Logf("30 starts put %d tasks off", put)
}
