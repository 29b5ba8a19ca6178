// Package attempt runs one claim of a job: it asks the candidates of a lane, keeps
// the lease while they write, masks what a cloud may not see, follows or completes
// the flight of equal jobs, and settles the outcome.
//
// [Runner.Do] is the way of an attempt from top to bottom: run.go decides how it
// ends, ask.go asks the router, settle.go writes the outcome. Whether a job goes back
// to its queue is decided in wait.go, elsewhere.go and unreachable.go; what answers when
// nothing else can, in last_resort.go.
package attempt

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/privacy"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/dispatch"
	"github.com/topcentral/spillway/tasks/store"
	"github.com/topcentral/spillway/worker/fleet"
	"github.com/topcentral/spillway/worker/pace"
)

// Config configures a Runner.
type Config struct {
	LongestCall map[tasks.Lane]time.Duration // after which a call is cut off; none: it is not
	Names       NamesConfig                  // of the pass that lists names before a job is masked
	// SendUnexplained sends a masked job even if its free text holds words that look
	// like names and that masking does not explain. Otherwise it is not sent.
	SendUnexplained bool
	Tracer          trace.Tracer // begins spans of tickets and attempts; nil: none are recorded
}

// Parts are what a Runner works with; all are required.
type Parts struct {
	Worker     string // ID of the worker, on the record of each call
	Store      *store.Store
	Dispatcher *dispatch.Dispatcher
	Agents     *agents.Catalogue
	Fleet      *fleet.Fleet
	Router     *providers.Router
	MaskKey    privacy.Key // the zero Key: tokens are derived all the same, and no map is kept
	Log        *slog.Logger
}

// Runner runs the attempts of one worker. It is safe for concurrent use.
type Runner struct {
	Parts
	cfg Config

	running    map[tasks.Lane]*atomic.Int64 // attempts in flight; the map never changes
	background sync.WaitGroup               // work that goes on beside attempts, or after them
	estimator  *pace.Estimator
	samples    pace.Samples
	names      *nameFinder

	base       context.Context // of every attempt
	kill       context.CancelCauseFunc
	serving    context.Context // of work for later jobs
	endServing context.CancelFunc
}

// NewRunner returns a Runner, which Abort ends.
func NewRunner(cfg Config, parts Parts) *Runner {
	r := &Runner{
		Parts: parts, cfg: cfg, running: map[tasks.Lane]*atomic.Int64{},
		estimator: pace.NewEstimator(parts.Store, parts.Log), names: newNameFinder(cfg.Names, parts.Fleet, parts.Log),
	}
	for _, lane := range tasks.Lanes() {
		r.running[lane] = new(atomic.Int64)
	}
	if cfg.Tracer == nil {
		r.cfg.Tracer = tasks.NoTracer()
	}
	r.base, r.kill = context.WithCancelCause(context.Background())
	r.serving, r.endServing = context.WithCancel(r.base)
	return r
}

// Context returns the context of all attempts, which ends with Abort.
func (r *Runner) Context() context.Context { return r.base }

// Running returns how many attempts are in flight on a lane.
func (r *Runner) Running(lane tasks.Lane) int { return int(r.running[lane].Load()) }

// Flush writes what finished attempts have shown about the speed of models.
func (r *Runner) Flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	return r.samples.Flush(ctx, r.Store.Learn)
}

// Drain ends work for later jobs; attempts in flight go on.
func (r *Runner) Drain() { r.endServing() }

// Wait waits for the work beside attempts.
func (r *Runner) Wait() { r.background.Wait() }

// Abort ends every attempt; the jobs are handed back.
func (r *Runner) Abort() { r.kill(ErrShutdown) }
