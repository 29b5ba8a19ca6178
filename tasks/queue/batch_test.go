package queue

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

// pair are the chances of one job: one at once, one later.
func pair(job string) []Due {
	return []Due{
		{Ticket: highTicket(job)},
		{Ticket: Ticket{JobID: job, Lane: tasks.Cloud, Complexity: tasks.High}, At: time.Now().Add(time.Hour)},
	}
}

// Tickets issued together are what asynq makes of them one by one.
func TestEnqueueAllIssuesWhatEnqueueDoes(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		one := NewClient(rdb)
		for _, d := range pair("apart") {
			if err := one.Enqueue(t.Context(), d.Ticket, d.At); err != nil {
				t.Fatalf("enqueue: %v", err)
			}
		}
		if err := NewClient(rdb).EnqueueAll(t.Context(), pair("together")...); err != nil {
			t.Fatalf("enqueue all: %v", err)
		}
		inspector := asynq.NewInspectorFromRedisClient(rdb)
		for i, d := range pair("apart") {
			queue, later := d.queue(), !d.At.IsZero()
			apart, together := d.taskID(later), pair("together")[i].taskID(later)
			if got, want := taskFields(t, rdb, queue, together), taskFields(t, rdb, queue, apart); !slices.Equal(got, want) {
				t.Errorf("%s: got fields %v, want %v", queue, got, want)
			}
			got, err := inspector.GetTaskInfo(queue, together)
			if err != nil {
				t.Fatalf("look at the task: %v", err)
			}
			want, err := inspector.GetTaskInfo(queue, apart)
			if err != nil {
				t.Fatalf("look at the task: %v", err)
			}
			if got.State != want.State || got.Type != want.Type || got.MaxRetry != want.MaxRetry || got.Timeout != want.Timeout || got.Retention != want.Retention {
				t.Errorf("%s: got %+v, want %+v", queue, got, want)
			}
			if string(got.Payload) != `{"job":"together","lane":"`+string(d.Lane)+`"}` {
				t.Errorf("%s: got payload %s", queue, got.Payload)
			}
		}
		awaitDepth(t, rdb, Depth{Queue: "local.high", Waiting: 2})
		awaitDepth(t, rdb, Depth{Queue: "cloud.high", Later: 2})
	})
}

// taskFields names the fields of a task's hash.
func taskFields(t *testing.T, rdb *redis.Client, queue, id string) []string {
	t.Helper()
	fields, err := rdb.HGetAll(t.Context(), keysOf(queue).task(id)).Result()
	if err != nil || len(fields) == 0 {
		t.Fatalf("read task %s: %v, %v", id, fields, err)
	}
	return slices.Sorted(maps.Keys(fields))
}

func TestEnqueueAllTwiceIssuesOnce(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		c := NewClient(rdb)
		for range 2 {
			if err := c.EnqueueAll(t.Context(), pair("j1")...); err != nil {
				t.Fatalf("enqueue all: %v", err)
			}
		}
		awaitDepth(t, rdb, Depth{Queue: "local.high", Waiting: 1})
		awaitDepth(t, rdb, Depth{Queue: "cloud.high", Later: 1})
	})
}

// A Redis that was started anew knows no script.
func TestEnqueueAllOnARedisThatForgot(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		c := NewClient(rdb)
		if err := c.EnqueueAll(t.Context(), pair("j1")...); err != nil {
			t.Fatalf("enqueue all: %v", err)
		}
		do(t, rdb, "SCRIPT", "FLUSH")
		if err := c.EnqueueAll(t.Context(), pair("j2")...); err != nil {
			t.Fatalf("enqueue all: %v", err)
		}
		awaitDepth(t, rdb, Depth{Queue: "local.high", Waiting: 2})
		awaitDepth(t, rdb, Depth{Queue: "cloud.high", Later: 2})
	})
}

// What was lost of one ticket is mended, whatever becomes of the other.
func TestEnqueueAllIssuesWhatWasLost(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		c := NewClient(rdb)
		for range 2 {
			if err := c.EnqueueAll(t.Context(), pair("j1")...); err != nil {
				t.Fatalf("enqueue all: %v", err)
			}
			do(t, rdb, "DEL", high.pending())
		}
		if err := c.EnqueueAll(t.Context(), pair("j1")...); err != nil {
			t.Fatalf("enqueue all: %v", err)
		}
		awaitDepth(t, rdb, Depth{Queue: "local.high", Waiting: 1})
	})
}

// In a cluster each queue may be on another server.
func TestEnqueueAllInACluster(t *testing.T) {
	rdb := redistest.StartCluster(t).Client(t)
	c := NewClient(rdb)
	for range 2 {
		if err := c.EnqueueAll(t.Context(), pair("j1")...); err != nil {
			t.Fatalf("enqueue all: %v", err)
		}
	}
	for _, d := range pair("j1") {
		id := d.taskID(!d.At.IsZero())
		if n, err := rdb.Exists(t.Context(), keysOf(d.queue()).task(id)).Result(); err != nil || n != 1 {
			t.Errorf("%s: got %d tasks, %v, want 1", id, n, err)
		}
	}
}
