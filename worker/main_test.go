package worker

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/privacy"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/providers/scorecard"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/dispatch"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
	"github.com/topcentral/spillway/worker/fleet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	tenant = "acme"
	// patience bounds every wait of these tests.
	patience = 30 * time.Second
)

// What the agent T1 of testdata may answer. Its scorecard always says 50.
const (
	answer   = `{"score":7}`
	nonsense = `{"points":"many"}`
)

var (
	quiet     = slog.New(slog.DiscardHandler)
	catalogue = sync.OnceValues(func() (*agents.Catalogue, error) { return agents.Open("testdata/agents", quiet) })
)

// defaults are the settings that suit one GPU.
func defaults() Config {
	return Config{Lanes: []tasks.Lane{tasks.Local, tasks.Cloud}, LocalSlots: 1, CloudSlots: 8, Drain: 2 * time.Minute}
}

func testAgents(t *testing.T) *agents.Catalogue {
	t.Helper()
	all, err := catalogue()
	if err != nil {
		t.Fatalf("load agents: %v", err)
	}
	return all
}

// world is Spillway in one process: a store, a queue, and providers that do as
// they are told. Workers are started in it.
type world struct {
	rdb   *redis.Client
	store *store.Store
	*dispatch.Dispatcher
	local, cloud *providertest.Fake
	tariff       providers.Tariff // of the cloud
	maskKey      privacy.Key
	guards       []providers.Guard
	circuits     *fakeCircuits
}

// newWorld returns a world on rdb in which both lanes answer.
func newWorld(t *testing.T, rdb *redis.Client, change ...func(*store.Config)) *world {
	t.Helper()
	cfg := store.DefaultConfig()
	for _, f := range change {
		f(&cfg)
	}
	s := store.New(rdb, cfg)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return &world{
		rdb: rdb, store: s, Dispatcher: dispatch.New(s, queue.NewClient(rdb), testAgents(t), dispatch.Config{}, quiet),
		local:    providertest.NewFake("ollama", "small", "large").Does(providertest.Answer(answer)),
		cloud:    providertest.NewFake("deepseek", "chat").Does(providertest.Answer(answer)),
		circuits: &fakeCircuits{reset: make(chan string, 10)},
	}
}

// shortLease lets a lost worker be missed soon, and one that is only slow not.
func shortLease(cfg *store.Config) { cfg.Lease = 2 * time.Second }

// fleet returns a worker's view of the world's providers.
func (w *world) fleet(t *testing.T) *fleet.Fleet {
	all := testAgents(t)
	return fleet.New(fleet.Config{
		Local: []providers.Provider{w.local},
		Cloud: []fleet.CloudProvider{{Provider: w.cloud, Model: "chat", Tariff: func(string) providers.Tariff { return w.tariff }}},
		Scorecard: scorecard.New(func(agent string, input json.RawMessage, language string) (json.RawMessage, error) {
			a, _ := all.Lookup(agent)
			return a.Score(input, tasks.Language(language))
		}),
	}, all, quiet)
}

// start runs a worker for the lanes; stop ends it, at the latest with the test.
func (w *world) start(t *testing.T, lanes []tasks.Lane, change ...func(*Config)) (stop func()) {
	t.Helper()
	return w.startWith(t, testAgents(t), lanes, change...)
}

// worker returns a worker that has these agents, and does not run.
func (w *world) worker(t *testing.T, has *agents.Catalogue, cfg Config) *Worker {
	t.Helper()
	return New(cfg, Parts{
		Redis: w.rdb, Store: w.store, Dispatcher: w.Dispatcher, Agents: has,
		Fleet: w.fleet(t), Router: providers.NewRouter(quiet, w.guards...), Circuits: w.circuits, MaskKey: w.maskKey, Log: quiet,
	})
}

// startWith is start for a worker that has these agents.
func (w *world) startWith(t *testing.T, has *agents.Catalogue, lanes []tasks.Lane, change ...func(*Config)) (stop func()) {
	t.Helper()
	cfg := defaults()
	cfg.Lanes, cfg.Drain = lanes, 100*time.Millisecond
	for _, f := range change {
		f(&cfg)
	}
	one := w.worker(t, has, cfg)
	ctx, end := context.WithCancel(context.Background())
	ready, done := make(chan bool), make(chan error, 1)
	go func() { done <- one.Run(ctx, func() { close(ready) }) }()
	stop = sync.OnceFunc(func() {
		end()
		if err := <-done; err != nil {
			t.Errorf("run worker: %v", err)
		}
	})
	t.Cleanup(stop)
	select {
	case <-ready:
	case <-time.After(patience):
		t.Fatal("the worker does not get ready")
	}
	return stop
}

var (
	localLane = []tasks.Lane{tasks.Local}
	cloudLane = []tasks.Lane{tasks.Cloud}
	bothLanes = []tasks.Lane{tasks.Local, tasks.Cloud}
)

// submit makes a job of T1.
func (w *world) submit(t *testing.T, change ...func(*tasks.Submission)) *tasks.Job {
	t.Helper()
	s := tasks.Submission{Agent: "T1", Input: json.RawMessage(`{"kind":"good"}`)}
	for _, f := range change {
		f(&s)
	}
	j, _, err := w.Submit(t.Context(), tenant, &s)
	if err != nil {
		t.Fatalf("submit: %v", err)
	}
	return j
}

// end waits until the job has ended.
func (w *world) end(t *testing.T, id string) *tasks.Job {
	t.Helper()
	w.await(t, id, func(e tasks.Event) bool { return e.Type.Terminal() })
	j, err := w.store.Job(t.Context(), tenant, id)
	if err != nil {
		t.Fatalf("read job: %v", err)
	}
	return j
}

// await waits for an event of the job.
func (w *world) await(t *testing.T, id string, is func(tasks.Event) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	wake, leave := w.store.OnEvent(id)
	defer leave()
	for after, over := int64(0), false; !over; {
		select {
		case <-wake:
		case <-ctx.Done():
			t.Fatalf("waiting for job %s: %v", id, ctx.Err())
		}
		var events []tasks.Event
		var err error
		if events, over, err = w.store.Since(ctx, id, after, 1000); err != nil {
			t.Fatalf("waiting for job %s: %v", id, err)
		}
		if slices.ContainsFunc(events, is) {
			return
		}
		after += int64(len(events))
	}
	t.Fatalf("job %s: its log ended without what was waited for", id)
}

// wait takes the next value from a channel.
func wait[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// outcomes lists who was asked for a job, and what came of it.
func outcomes(j *tasks.Job) []string {
	var all []string
	for _, a := range j.Attempts {
		all = append(all, a.Candidate+" "+a.Outcome)
	}
	return all
}

// hangs is a provider that has begun and waits: asked tells that it was asked,
// ended why its context ended. It then answers all the same.
func hangs() (b providertest.Behavior, asked chan bool, ended chan error) {
	asked, ended = make(chan bool, 1), make(chan error, 1)
	return func(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		asked <- true
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return providertest.Answer(answer)(ctx, req, onDelta)
	}, asked, ended
}
