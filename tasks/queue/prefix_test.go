package queue

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

// again returns another client of the same server.
func again(t *testing.T, rdb *redis.Client) *redis.Client {
	t.Helper()
	c := redis.NewClient(rdb.Options())
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Two applications with queues of the same names share a database, and neither
// sees the other's tasks.
func TestAPrefixKeepsApplicationsApart(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		ours := Prefix("spw").Under(again(t, rdb))
		theirs := asynq.NewClientFromRedisClient(rdb)
		if _, err := theirs.Enqueue(asynq.NewTask("email:send", nil), asynq.Queue(Webhooks)); err != nil {
			t.Fatal(err)
		}
		if err := CheckForeignTasks(t.Context(), rdb); err == nil || !strings.Contains(err.Error(), "email:send") {
			t.Errorf("without a prefix: got %v", err)
		}
		if err := CheckForeignTasks(t.Context(), ours); err != nil {
			t.Errorf("with a prefix: %v", err)
		}

		client := NewClient(ours)
		ticket := Ticket{JobID: "job_1", Lane: tasks.Local, Complexity: tasks.High, Priority: tasks.PriorityNormal}
		later := Ticket{JobID: "job_2", Lane: tasks.Local, Complexity: tasks.High, Priority: tasks.PriorityNormal}
		if err := client.EnqueueAll(t.Context(), Due{Ticket: ticket}, Due{Ticket: later, At: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if err := client.EnqueueWebhook(t.Context(), Notice{ID: "evt_1", Tenant: "acme", JobID: "job_1"}); err != nil {
			t.Fatal(err)
		}
		for _, key := range rdb.Keys(t.Context(), "*").Val() {
			mine, theirs := strings.HasPrefix(key, "spw:asynq:"), key == "asynq:queues" || strings.HasPrefix(key, "asynq:{webhooks}")
			if !mine && !theirs {
				t.Errorf("the key %s is nobody's", key)
			}
		}
		if got := rdb.LLen(t.Context(), keysOf(Webhooks).pending()).Val(); got != 1 {
			t.Errorf("%d tasks are in the other application's queue, want its one", got)
		}

		depths, err := NewInspector(ours).Depths()
		if err != nil || len(depths) != 2 {
			t.Fatalf("got %+v, %v, want two queues", depths, err)
		}
		census, err := TakeCensus(t.Context(), ours)
		if err != nil {
			t.Fatal(err)
		}
		waiting := int64(0)
		for _, c := range census {
			waiting += c.States[0]
		}
		if waiting != 2 {
			t.Errorf("the census counts %d waiting tasks, want 2", waiting)
		}

		came := make(chan string, 9)
		server, err := Serve(ours, ServerConfig{Queues: All(), Slots: 2, Drain: time.Second}, Handlers{
			Ticket: func(_ context.Context, t Ticket) error { came <- t.JobID; return nil },
			Notice: func(_ context.Context, n Notice) error { came <- n.ID; return nil },
		}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		defer server.Shutdown()
		for range 2 {
			select {
			case <-came:
			case <-time.After(time.Minute):
				t.Fatal("a task does not come")
			}
		}
		if err := NewHealer(ours, quiet).Look(t.Context()); err != nil {
			t.Errorf("heal: %v", err)
		}
		if got := rdb.LLen(t.Context(), keysOf(Webhooks).pending()).Val(); got != 1 {
			t.Errorf("afterwards %d tasks are in the other application's queue, want its one", got)
		}
	})
}

// A sweep finds what is in no list under a prefix, too.
func TestASweepSeesThePrefix(t *testing.T) {
	for key, want := range map[string]string{
		"asynq:{webhooks}:t:evt_1": "webhooks evt_1", "spw:asynq:{local.high}:t:job_1.local.0": "local.high job_1.local.0", "asynq:queues": "", "spillway:{0}:job:job_1": "",
	} {
		got := ""
		if queue, id, ok := parseTask(key); ok {
			got = queue + " " + id
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
}

func TestOneInstallationHasOnePrefix(t *testing.T) {
	rdb := redistest.Embedded(t)
	for _, tt := range []struct {
		prefix Prefix
		ok     bool
	}{{"a", true}, {"a", true}, {"", false}, {"b", false}} {
		if err := Claim(t.Context(), rdb, tt.prefix); (err == nil) != tt.ok {
			t.Errorf("%q: got %v", tt.prefix, err)
		}
	}
	fresh := redistest.Embedded(t)
	if err := Claim(t.Context(), fresh, ""); err != nil {
		t.Errorf("none: %v", err)
	}
	if err := Claim(t.Context(), fresh, "a"); err == nil || !strings.Contains(err.Error(), prefixKey) {
		t.Errorf("one after none: %v", err)
	}
}

func TestThePrefixIsChecked(t *testing.T) {
	for text, ok := range map[string]bool{"": true, "spw": true, "a.b-c_1": true, "asynq": false, "a:b": false, "-a": false, "a{b}": false, strings.Repeat("a", 33): false} {
		var p Prefix
		if err := p.UnmarshalText([]byte(text)); (err == nil) != ok {
			t.Errorf("%q: got %v", text, err)
		}
	}
}
