package app

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/providers/mockllm"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store/redisconn"
	"github.com/topcentral/spillway/worker/webhook"
)

// The trace that a caller names, and its span there.
const callersTrace, callersSpan = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

// TestATraceGoesAllTheWay follows a trace from a request through the job, its
// tickets and the worker's log to the webhook.
func TestATraceGoesAllTheWay(t *testing.T) {
	called := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { called <- r.Header.Get("traceparent") }))
	defer receiver.Close()
	cfg := settings(t, "redis://"+miniredis.RunT(t).Addr())
	models := httptest.NewServer(mockllm.New(mockllm.Config{Seed: 1}))
	defer models.Close()
	cfg.OllamaURL = models.URL + mockllm.Path(mockllm.Ollama)
	cfg.WebhookSecret = []webhook.Secret{webhook.NewSecret()}
	cfg.WebhookAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	log := new(drained)
	all, err := New(t.Context(), cfg, redisconn.Worker, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer all.Stop()
	life, end := context.WithCancel(t.Context())
	defer end()
	handler, err := all.handler(life)
	if err != nil {
		t.Fatal(err)
	}

	// Before a worker lives, so that the tickets can be looked at.
	answered, job := submitTraced(t, handler, receiver.URL)
	inCallersTrace(t, "answer", answered)
	if job.TraceID != callersTrace {
		t.Errorf("job: got trace %q, want %s", job.TraceID, callersTrace)
	}
	issued := pendingTickets(t, all.rdb)
	if len(issued) == 0 {
		t.Error("the job has no tickets")
	}
	for _, ticket := range issued {
		inCallersTrace(t, "ticket in "+ticket.Queue, ticket.Headers["traceparent"])
	}

	work, err := all.work([]tasks.Lane{tasks.Local})
	if err != nil {
		t.Fatal(err)
	}
	var worker sync.WaitGroup
	stop := func() { end(); worker.Wait() }
	defer stop()
	worker.Go(func() {
		if err := work(life, func() {}); err != nil {
			t.Errorf("worker: %v", err)
		}
	})
	sent := receive(t, called)
	inCallersTrace(t, "webhook", sent)
	if sent == answered {
		t.Errorf("the webhook has the span of the request: %s", sent)
	}
	stop() // then all is logged
	if text := log.take(); !strings.Contains(text, "trace_id="+callersTrace) {
		t.Errorf("log: got %s, want trace %s in it", text, callersTrace)
	}
}

// inCallersTrace wants another span of the caller's trace, sampled as that is.
func inCallersTrace(t *testing.T, what, parent string) {
	t.Helper()
	if !strings.HasPrefix(parent, "00-"+callersTrace+"-") || strings.Contains(parent, callersSpan) || !strings.HasSuffix(parent, "-01") {
		t.Errorf("%s: got traceparent %q, want a span of its own in trace %s", what, parent, callersTrace)
	}
}

// submitTraced posts a job as a part of the caller's trace, and returns the
// answer's traceparent and the job.
func submitTraced(t *testing.T, api http.Handler, callback string) (parent string, job tasks.Job) {
	t.Helper()
	body, err := json.Marshal(&tasks.Submission{Agent: "A02", Language: tasks.English, Input: []byte(opportunity), CallbackURL: callback})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1/jobs", bytes.NewReader(body))
	r.RemoteAddr = "127.0.0.1:4711"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("traceparent", "00-"+callersTrace+"-"+callersSpan+"-01")
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &job); err != nil || w.Code != http.StatusAccepted {
		t.Fatalf("submit: got %d %s, %v", w.Code, w.Body, err)
	}
	return w.Header().Get("traceparent"), job
}

// pendingTickets lists what waits in the queues, due or not.
func pendingTickets(t *testing.T, rdb redis.UniversalClient) (all []*asynq.TaskInfo) {
	t.Helper()
	in := asynq.NewInspectorFromRedisClient(rdb)
	queues, err := in.Queues()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range queues {
		for _, list := range []func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error){in.ListPendingTasks, in.ListScheduledTasks} {
			tickets, err := list(name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, tickets...)
		}
	}
	return all
}
