package worker

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
	"github.com/topcentral/spillway/worker/attempt"
)

func TestAStoppingWorkerFinishesWhatItHas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	asked, finish := make(chan bool, 1), make(chan bool)
	w.local.Does(func(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		asked <- true
		<-finish
		return providertest.Answer(answer)(ctx, req, onDelta)
	})
	stop := w.start(t, localLane, func(c *Config) { c.Drain = patience })
	j := w.submit(t)
	wait(t, asked)
	stopped := make(chan bool)
	go func() { stop(); close(stopped) }()
	w.awaitSignOff(t)
	close(finish)
	wait(t, stopped)
	if j = w.end(t, j.ID); j.State != tasks.Succeeded || j.Attempt != 1 {
		t.Errorf("job: got %s on attempt %d, want it succeeded on the first", j.State, j.Attempt)
	}
}

// awaitSignOff polls until every worker in the registry is leaving.
func (w *world) awaitSignOff(t *testing.T) {
	t.Helper()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for range int(patience / (10 * time.Millisecond)) {
		workers, err := w.store.Workers(t.Context())
		if err != nil {
			t.Fatalf("registry: %v", err)
		}
		if !slices.ContainsFunc(workers, func(w tasks.Worker) bool { return !w.Leaving }) {
			return
		}
		<-poll.C
	}
	t.Fatal("the worker does not sign off")
}

func TestAStoppingWorkerHandsBackWhatItCannotFinish(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		t.Parallel()
		w := newWorld(t, rdb)
		hang, asked, ended := hangs()
		w.local.Does(providertest.Sequence(hang, providertest.Answer(answer)))
		stop := w.start(t, localLane)
		j := w.submit(t)
		wait(t, asked)
		stop()
		if cause := wait(t, ended); !errors.Is(cause, attempt.ErrShutdown) {
			t.Errorf("the call ended for: got %v, want %v", cause, attempt.ErrShutdown)
		}
		w.start(t, localLane)
		j = w.end(t, j.ID)
		if j.State != tasks.Succeeded || j.Degraded || j.Attempt != 2 || j.Crashes != 0 {
			t.Errorf("job: got %s, degraded %v, attempt %d, %d crashes; want it succeeded on the second, without a crash",
				j.State, j.Degraded, j.Attempt, j.Crashes)
		}
	})
}

// A ticket may be in hand although asynq no longer waits for its handler: after
// its own lease has ended, or its own shutdown.
func TestAStopWaitsForAttemptsThatTheQueueHasLetGo(t *testing.T) {
	const drain = time.Minute
	for _, test := range []struct {
		name     string
		begin    func(*Worker)
		from, to time.Duration
	}{
		{"none: it does not wait", func(*Worker) {}, 0, drain},
		{"one that ends when it must", func(w *Worker) {
			w.inFlight.Add(1)
			context.AfterFunc(w.runner.Context(), w.inFlight.Done)
		}, drain, drain + attempt.HandBackTimeout},
		{"one that never ends is left behind", func(w *Worker) {
			w.inFlight.Add(1)
			time.AfterFunc(time.Hour, w.inFlight.Done)
		}, drain + attempt.HandBackTimeout, drain + 2*attempt.HandBackTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			all := testAgents(t)
			synctest.Test(t, func(t *testing.T) {
				refuse := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }
				rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", Dialer: refuse, MaxRetries: -1})
				w := New(Config{Drain: drain}, Parts{Store: store.New(rdb, store.DefaultConfig()), Agents: all, Circuits: &fakeCircuits{}, Log: quiet})
				test.begin(w)
				start := time.Now()
				w.shutdown()
				if took := time.Since(start); took < test.from || took >= test.to {
					t.Errorf("the stop took %v, want from %v to %v", took, test.from, test.to)
				}
				rdb.Close()
				<-time.After(2 * time.Hour) // of the bubble's clock: all timers have fired
			})
		})
	}
}
