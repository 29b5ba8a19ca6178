package app

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/app/client"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store/redisconn"
	"github.com/topcentral/spillway/worker/webhook"
)

// The whole of Spillway on a Redis Cluster of three masters: jobs over HTTP,
// tickets, workers, events, webhooks, cancellation, a job whose tickets were lost.
func TestEverythingOnARedisCluster(t *testing.T) {
	everythingOn(t, redistest.StartCluster(t).URL(), 8)
}

// The same on a master that Sentinels name.
func TestEverythingBySentinel(t *testing.T) {
	everythingOn(t, redistest.StartSentinel(t).URL(), 1)
}

func everythingOn(t *testing.T, redisURL string, shards int) {
	var mu sync.Mutex
	called := map[string]bool{}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		called[r.URL.Path] = true
	}))
	defer receiver.Close()

	cfg := settings(t, redisURL)
	cfg.Shards = config.Shards(shards)
	cfg.OllamaURL = "http://127.0.0.1:1" // nobody there: the scorecards answer
	cfg.WebhookSecret = []webhook.Secret{webhook.NewSecret()}
	cfg.WebhookAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	cfg.WorkerDrain = time.Second
	log := slog.New(slog.DiscardHandler)

	working, err := New(t.Context(), cfg, redisconn.Worker, log)
	if err != nil {
		t.Fatalf("open for a worker: %v", err)
	}
	defer working.Stop()
	serving, err := New(t.Context(), cfg, redisconn.API, log)
	if err != nil {
		t.Fatalf("open for an API: %v", err)
	}
	defer serving.Stop()
	life, end := context.WithCancel(t.Context())
	handler, err := serving.handler(life)
	if err != nil {
		t.Fatalf("api: %v", err)
	}
	api := httptest.NewServer(handler)
	defer api.Close()
	var worker sync.WaitGroup
	defer worker.Wait()
	defer end()
	c := &client.Client{Base: api.URL, HTTP: api.Client()}

	// Before a worker lives: one job whose tickets get lost, and one that is
	// canceled.
	submit := func(path string) *tasks.Job {
		t.Helper()
		j, err := c.Submit(t.Context(), &tasks.Submission{
			Agent: "A02", Input: []byte(`{"product":"PCR-ABS","authority":"high"}`), CallbackURL: receiver.URL + path,
		})
		if err != nil {
			t.Fatalf("submit: %v", err)
		}
		return j
	}
	paths := []string{"/lost"}
	jobs := []*tasks.Job{submit("/lost")}
	dropQueues(t, serving.rdb)
	canceled := submit("/canceled")
	if _, err := c.Cancel(t.Context(), canceled.ID); err != nil {
		t.Fatalf("cancel: %v", err)
	}
	for i := range 24 {
		path := "/job-" + string(rune('a'+i))
		paths, jobs = append(paths, path), append(jobs, submit(path))
	}
	work, err := working.work([]tasks.Lane{tasks.Local, tasks.Cloud})
	if err != nil {
		t.Fatalf("worker: %v", err)
	}
	worker.Go(func() {
		if err := work(life, func() {}); err != nil {
			t.Errorf("worker: %v", err)
		}
	})

	limit, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, j := range jobs {
		ended, err := c.Await(limit, j.ID)
		if err != nil || ended.State != tasks.Succeeded {
			t.Fatalf("job: %+v, %v; want one that succeeded", ended, err)
		}
		var last tasks.Event
		if err := c.Watch(limit, j.ID, func(e tasks.Event) { last = e }); err != nil || last.Type != tasks.EventSucceeded {
			t.Errorf("events: the last is %s, %v", last.Type, err)
		}
	}
	if j, err := c.Get(limit, canceled.ID); err != nil || j.State != tasks.Canceled {
		t.Errorf("the canceled job: %+v, %v", j, err)
	}
	for _, path := range append(paths, "/canceled") {
		for has := false; !has && limit.Err() == nil; {
			mu.Lock()
			has = called[path]
			mu.Unlock()
		}
	}
	if limit.Err() != nil {
		t.Errorf("webhooks came for %d of %d jobs", len(called), len(paths)+1)
	}
	if h := serving.reporter().Report(t.Context()); h.Redis.Status != "ok" {
		t.Errorf("health: %+v", h)
	}
}

// dropQueues makes Redis lose what waits in the queues.
func dropQueues(t *testing.T, rdb redis.UniversalClient) {
	t.Helper()
	for _, name := range queue.All() {
		for _, list := range []string{"pending", "scheduled"} {
			if err := rdb.Del(t.Context(), "asynq:{"+name+"}:"+list).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := rdb.Del(t.Context(), "asynq:queues").Err(); err != nil && !strings.Contains(err.Error(), "no such") {
		t.Fatal(err)
	}
}
