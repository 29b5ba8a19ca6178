package worker

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/worker/attempt"
	"github.com/topcentral/spillway/worker/host"
	"github.com/topcentral/spillway/worker/pace"
)

const (
	refreshEvery = 30 * time.Second // where the config does not say
	trimEvery    = time.Minute
	healEvery    = 30 * time.Second
)

// Run serves the worker's lanes until ctx ends; ready is called when tickets
// are being taken. Then it takes no more tickets, lets running jobs finish
// within the drain time, and hands the rest back.
func (w *Worker) Run(ctx context.Context, ready func()) error {
	w.started = time.Now()
	maintenance, err := queue.Maintain(w.Redis, w.Log)
	if err != nil {
		return err
	}
	defer maintenance.Shutdown()
	watchesHost := w.host.Limited() && slices.Contains(w.cfg.Lanes, tasks.Local)
	if watchesHost {
		if err := w.measureHost(ctx); err != nil {
			w.Log.WarnContext(ctx, "the load of this machine could not be measured; its limits do not apply", "error", err)
		}
	}
	w.readResets(ctx) // before a circuit can open
	w.Fleet.Refresh(ctx)
	if err := w.update(ctx); err != nil {
		w.shutdown()
		return err
	}
	ready()

	loops, stopLoops := context.WithCancel(ctx)
	defer stopLoops()
	var beats sync.WaitGroup
	beats.Go(func() { w.every(loops, tasks.HeartbeatEvery, "heartbeat", w.beat) })
	w.stopped.Go(func() { w.every(loops, tasks.HeartbeatEvery, "provider resets", w.applyResets) })
	// A watchdog may be writing down the end of a job, so it gets the drain
	// time as other attempts do.
	w.stopped.Go(func() { w.every(loops, watchEvery, "watchdog", w.watchdog().scan) })
	w.stopped.Go(func() { w.every(loops, pace.FlushInterval, "sample flush", w.runner.Flush) })
	w.stopped.Go(func() { w.every(loops, trimEvery, "outbox trim", w.Store.Trim) })
	w.stopped.Go(func() { w.every(loops, trimEvery, "recount", w.recount) })
	w.stopped.Go(func() { w.every(loops, healEvery, "queue healing", queue.NewHealer(w.Redis, w.Log).Look) })

	if watchesHost {
		w.stopped.Go(func() { w.every(loops, host.Interval, "host load", w.measureHost) })
	}

	interval := cmp.Or(w.cfg.Refresh, refreshEvery)
	changed := make(chan struct{}, 1)
	w.stopped.Go(func() {
		w.Fleet.Watch(loops, interval, func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
	})
	// The agents may have changed, too.
	refresh := time.NewTicker(interval)
	defer refresh.Stop()
	for err == nil && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-refresh.C:
			err = w.update(ctx)
		case <-changed:
			err = w.update(ctx)
		}
	}
	stopLoops()
	beats.Wait() // else a late heartbeat would undo the sign-off
	w.shutdown()
	return err
}

// update makes the worker serve what its providers can answer now. The registry
// is updated first: a ticket that is taken at once must not find a lane unserved
// that this worker is about to serve.
func (w *Worker) update(ctx context.Context) error {
	w.Fleet.Update()
	want, serves := w.plan()
	awaits := w.Fleet.Awaited()
	w.serves.Store(&serves)
	w.awaits.Store(&awaits)
	if err := w.beat(ctx); err != nil && ctx.Err() == nil {
		w.Log.WarnContext(ctx, "the heartbeat could not be written", "error", err)
	}
	return w.serve(want)
}

// every calls step at an interval until ctx ends, and logs when it starts and stops
// failing.
func (w *Worker) every(ctx context.Context, interval time.Duration, name string, step func(context.Context) error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := step(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil && !failing:
			w.Log.WarnContext(ctx, "a background loop failed and will be tried again", "loop", name, "error", err)
		case err == nil && failing:
			w.Log.InfoContext(ctx, "a background loop has recovered", "loop", name)
		}
		failing = err != nil
	}
}

// shutdown ends what Run began: no new tickets; the worker signs
// off; attempts in flight get the drain time, and the rest is handed back.
func (w *Worker) shutdown() {
	w.runner.Drain()
	for _, s := range w.servers {
		// Side by side: a server whose Redis hangs takes its time to stop.
		w.stopped.Go(func() { s.server.Stop(); s.server.Shutdown() })
	}
	leaving, left := context.WithCancel(context.Background())
	var goodbye sync.WaitGroup
	goodbye.Go(func() { w.signOff(leaving) })
	defer goodbye.Wait()
	defer left()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.stopped.Wait()
		w.inFlight.Wait()
		w.runner.Wait()
		if err := w.runner.Flush(context.Background()); err != nil {
			w.Log.Debug("samples of the last jobs could not be written", "error", err)
		}
	}()
	select {
	case <-done:
	case <-time.After(w.cfg.Drain):
		w.Log.Warn("jobs are still running after the drain time; handing them back")
		w.runner.Abort()
		select {
		case <-done:
		case <-time.After(attempt.HandBackTimeout + signOffTimeout):
			w.Log.Error("an attempt did not end in time; the process exits without it, and a watchdog issues new tickets")
		}
	}
	w.runner.Abort()
}

// signOff signs this worker off, again and again until it has left: jobs of its
// lane may wait for its successor.
func (w *Worker) signOff(ctx context.Context) {
	tick := time.NewTicker(tasks.HeartbeatEvery)
	defer tick.Stop()
	for {
		limited, cancel := context.WithTimeout(ctx, signOffTimeout)
		if err := w.Store.SignOff(limited, w.entry()); err != nil && ctx.Err() == nil {
			w.Log.Warn("sign-off failed; the registry drops this worker when its heartbeat expires", "error", err)
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

const signOffTimeout = 2 * time.Second
