// Package worker runs jobs: it takes tickets from the queues whose candidates
// it can reach, claims their jobs, keeps the leases while models write, and
// settles the outcome. Every worker also runs a watchdog, which looks after
// jobs whose ticket or worker was lost, and looks after the queues themselves.
//
// The way of a job through this package: [Worker.take] turns a ticket into a
// claim, attempt.run asks the router for an answer, and attempt.settle writes
// down what came of it.
package worker

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/privacy"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/dispatch"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// Config holds what a worker may be told.
type Config struct {
	Lanes      []tasks.Lane  // the lanes it works for
	LocalSlots int           // jobs at once beside local models: as many as the GPU bears
	CloudSlots int           // cloud jobs at once of each complexity
	Drain      time.Duration // how long running jobs may go on after a stop
	Refresh    time.Duration // how often providers are asked which models they have; 0: every 30 s

	LongestCall map[tasks.Lane]time.Duration // after which a call is cut off; none: it is not
	HostLimits  HostLimits                   // of the machine beside the local models
	Names       NamesConfig                  // of the pass that lists names before a job is masked
	// SendUnexplained sends a masked job also when its free text holds words that
	// look like names and that masking does not explain. Otherwise it is not sent.
	SendUnexplained bool

	readHost func(context.Context) (cpu, memory float64, err error) // in tests: instead of this machine
}

// scorecardSlots is how many scorecards a worker fills at once; each takes
// about a millisecond.
const scorecardSlots = 4

// scorecardPoll is how often an idle worker looks for jobs that only a scorecard
// can answer. There are few, they have waited for a model, and every look costs.
const scorecardPoll = 25 * time.Millisecond

// Parts are what a worker works with; all are required.
type Parts struct {
	Redis      redis.UniversalClient
	Store      *store.Store
	Dispatcher *dispatch.Dispatcher
	Agents     *agents.Catalogue
	Fleet      *Fleet
	Router     *providers.Router
	Circuits   Circuits
	MaskKey    privacy.Key // the zero Key: tokens are derived all the same, and no map is kept
	Log        *slog.Logger
}

// Worker serves lanes until it is told to stop.
type Worker struct {
	Parts
	cfg     Config
	id      string
	started time.Time

	running map[tasks.Lane]*atomic.Int64 // attempts in hand; the map never changes
	base    context.Context              // of every attempt
	kill    context.CancelCauseFunc      // ends base, and so every attempt
	doubts  chan struct{}                // holds a signal that a provider should be looked at now
	gpu     chan struct{}                // as many places as jobs may run beside local models
	inHand  sync.WaitGroup               // tickets in hand, also those that asynq no longer waits for
	paces   *paces                       // how fast candidates are
	lessons lessons                      // what jobs have taught since that was written down
	host    *host                        // how busy this machine is
	names   *nameFinder
	resets  map[string]string // of providers, as last read; touched by heedResets alone

	serving context.Context    // ends when the worker takes no more tickets
	leave   context.CancelFunc // ends serving

	servers map[string]*laneServer              // by lane or complexity; touched by Run alone
	serves  atomic.Pointer[[]tasks.LaneService] // what the servers take
	awaits  atomic.Pointer[[]tasks.Awaited]     // whom it has not reached so far
	stopped sync.WaitGroup                      // servers and loops that are shutting down
}

// errShutdown is why attempts end that a stopping worker cannot wait for.
var errShutdown = errors.New("the worker is shutting down")

// New returns a worker that Run starts.
func New(cfg Config, parts Parts) *Worker {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	id := fmt.Sprintf("%s-%d-%s", host, os.Getpid(), strings.ToLower(rand.Text()[:6]))
	parts.Log = parts.Log.With("worker", id)
	w := &Worker{Parts: parts, cfg: cfg, id: id, servers: map[string]*laneServer{}}
	w.running = map[tasks.Lane]*atomic.Int64{}
	for _, lane := range tasks.Lanes() {
		w.running[lane] = new(atomic.Int64)
	}
	w.serves.Store(new([]tasks.LaneService))
	w.awaits.Store(new([]tasks.Awaited))
	w.doubts, w.gpu = make(chan struct{}, 1), make(chan struct{}, max(1, cfg.LocalSlots))
	w.base, w.kill = context.WithCancelCause(context.Background())
	w.serving, w.leave = context.WithCancel(w.base)
	w.paces, w.host = newPaces(parts.Store, parts.Log), newHost(cfg.HostLimits)
	w.names = newNameFinder(cfg.Names, parts.Fleet, parts.Log)
	if cfg.readHost != nil {
		w.host.read = cfg.readHost
	}
	return w
}

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
	watchesHost := w.host.limited() && slices.Contains(w.cfg.Lanes, tasks.Local)
	if watchesHost {
		if err := w.lookAtHost(ctx); err != nil {
			w.Log.WarnContext(ctx, "this machine's load cannot be measured", "error", err)
		}
	}
	if err := w.refresh(ctx); err != nil {
		w.shutdown()
		return err
	}
	ready()

	loops, stopLoops := context.WithCancel(ctx)
	defer stopLoops()
	var beats sync.WaitGroup
	beats.Go(func() { w.every(loops, tasks.HeartbeatEvery, "heartbeat", w.beat) })
	w.stopped.Go(func() { w.every(loops, tasks.HeartbeatEvery, "resets of providers", w.heedResets) })
	// A watchdog may be writing down the end of a job, so it gets the drain
	// time as other attempts do.
	w.stopped.Go(func() { w.every(loops, watchEvery, "watchdog", w.watchdog().look) })
	w.stopped.Go(func() { w.every(loops, teachEvery, "learning", w.teach) })
	w.stopped.Go(func() { w.every(loops, trimEvery, "outbox trim", w.Store.Trim) })
	w.stopped.Go(func() { w.every(loops, healEvery, "queue healing", queue.NewHealer(w.Redis, w.Log).Look) })

	if watchesHost {
		w.stopped.Go(func() { w.every(loops, hostLookEvery, "look at the machine", w.lookAtHost) })
	}

	every := cmp.Or(w.cfg.Refresh, refreshEvery)
	refresh := time.NewTimer(w.Fleet.NextLook(every))
	defer refresh.Stop()
	for err == nil && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-refresh.C:
			err = w.refresh(ctx)
			refresh.Reset(w.Fleet.NextLook(every))
		case <-w.doubts:
			err = w.refresh(ctx)
		}
	}
	stopLoops()
	beats.Wait() // else a late heartbeat would undo the sign-off
	w.shutdown()
	return err
}

// refresh makes the worker serve what its providers can answer now. The registry
// is told first: a ticket that is taken at once must not find a lane unserved
// that this worker is about to serve.
func (w *Worker) refresh(ctx context.Context) error {
	w.Fleet.Refresh(ctx)
	want, serves := w.plan()
	awaits := w.Fleet.Awaited()
	w.serves.Store(&serves)
	w.awaits.Store(&awaits)
	if err := w.beat(ctx); err != nil && ctx.Err() == nil {
		w.Log.WarnContext(ctx, "heartbeat failed", "error", err)
	}
	return w.serve(want)
}

// every calls step at an interval until ctx ends, and logs when it begins and
// when it ceases to fail.
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
			w.Log.WarnContext(ctx, "loop fails; it goes on", "loop", name, "error", err)
		case err == nil && failing:
			w.Log.InfoContext(ctx, "loop is well again", "loop", name)
		}
		failing = err != nil
	}
}

// beat tells the registry what this worker serves.
func (w *Worker) beat(ctx context.Context) error { return w.Store.Beat(ctx, w.entry()) }

// entry is this worker as the registry shows it.
func (w *Worker) entry() *tasks.Worker {
	serves := slices.Clone(*w.serves.Load())
	for i := range serves {
		serves[i].Running = int(w.running[serves[i].Lane].Load())
	}
	return &tasks.Worker{
		ID: w.id, Serves: serves, Awaits: *w.awaits.Load(), Host: w.host.state(), StartedAt: w.started.UTC(),
		Agents: w.Agents.Versions(), AgentFaults: w.Agents.Faults(), Circuits: w.Circuits.Open(),
	}
}

// shutdown ends what Run began: no new tickets; the registry is told; the
// attempts in hand get the drain time, and what is left then is handed back.
func (w *Worker) shutdown() {
	w.leave()
	for _, s := range w.servers {
		// Side by side: a server whose Redis hangs takes its time to stop.
		w.stopped.Go(func() { s.server.Stop(); s.server.Shutdown() })
	}
	leaving, left := context.WithCancel(context.Background())
	var goodbye sync.WaitGroup
	goodbye.Go(func() { w.sayGoodbye(leaving) })
	defer goodbye.Wait()
	defer left()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.stopped.Wait()
		w.inHand.Wait()
		if err := w.teach(context.Background()); err != nil {
			w.Log.Debug("what the last jobs have taught was not written", "error", err)
		}
	}()
	select {
	case <-done:
	case <-time.After(w.cfg.Drain):
		w.Log.Warn("jobs are still running after the drain time; handing them back")
		w.kill(errShutdown)
		select {
		case <-done:
		case <-time.After(handBackTimeout + signOffTimeout):
			w.Log.Error("an attempt does not end; leaving it behind")
		}
	}
	w.kill(errShutdown)
}

// sayGoodbye tells the registry that this worker is leaving, again and again
// until it has left: those who look for its lane may wait for its successor.
func (w *Worker) sayGoodbye(ctx context.Context) {
	tick := time.NewTicker(tasks.HeartbeatEvery)
	defer tick.Stop()
	for {
		limited, cancel := context.WithTimeout(ctx, signOffTimeout)
		if err := w.Store.SignOff(limited, w.entry()); err != nil && ctx.Err() == nil {
			w.Log.Warn("sign-off failed; the registry forgets this worker by itself", "error", err)
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

const (
	signOffTimeout = 2 * time.Second
	// handBackTimeout is how long a worker that must end may still take to
	// write down what came of its attempts.
	handBackTimeout = 10 * time.Second
)
