// Package worker runs jobs: it takes tickets from the queues whose candidates
// it can reach, claims their jobs, keeps the leases while models write, and
// settles the outcome. Every worker also runs a watchdog, which looks after
// jobs whose ticket or worker was lost, and looks after the queues themselves.
//
// The way of a job: [Worker.handle] turns a ticket into a claim (tickets.go), package
// attempt runs it to its outcome. Package fleet holds the providers that can be
// reached, package pace estimates how fast they are, package host measures the
// machine, package webhook notifies the owner of the job.
package worker

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
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
	"github.com/topcentral/spillway/worker/attempt"
	"github.com/topcentral/spillway/worker/fleet"
	"github.com/topcentral/spillway/worker/host"
)

// Config configures a worker.
type Config struct {
	Lanes      []tasks.Lane  // the lanes it works for
	LocalSlots int           // jobs at once beside local models: as many as the GPU bears
	CloudSlots int           // cloud jobs at once of each complexity
	Drain      time.Duration // how long running jobs may go on after a stop
	Refresh    time.Duration // how often providers are asked which models they have; 0: every 30 s

	HostLimits host.Limits    // of the machine beside the local models
	Attempts   attempt.Config // of each attempt

	readHost host.Read // in tests: instead of this machine
}

// scorecardSlots is how many scorecards a worker fills at once; each takes
// about a millisecond.
const scorecardSlots = 16

// scorecardPoll is how often an idle worker looks for jobs that only a scorecard
// can answer. There are few, they have waited for a model, and every look costs.
const scorecardPoll = 25 * time.Millisecond

// Parts are what a worker works with; all are required.
type Parts struct {
	Redis      redis.UniversalClient
	Store      *store.Store
	Dispatcher *dispatch.Dispatcher
	Agents     *agents.Catalogue
	Fleet      *fleet.Fleet
	Router     *providers.Router
	Circuits   Circuits
	MaskKey    privacy.Key // see attempt.Parts
	Log        *slog.Logger
}

// Circuits are the circuit breakers of a worker's candidates.
type Circuits interface {
	// Open lists the candidates whose circuit is not closed.
	Open() []tasks.Circuit
	// Reset closes the circuits of all models of a provider.
	Reset(ctx context.Context, provider string)
}

// laneServer is one asynq server and what it takes.
type laneServer struct {
	queues []string
	server *queue.Server
}

// Worker serves lanes until it is stopped.
type Worker struct {
	Parts
	cfg     Config
	id      string
	started time.Time

	runner   *attempt.Runner
	gpu      chan struct{}  // as many slots as jobs may run beside local models
	inFlight sync.WaitGroup // tickets in flight, also those that asynq no longer waits for
	host     *host.Monitor
	resets   map[string]string // of providers, as last read; used by applyResets alone

	servers map[string]*laneServer              // by lane or complexity; touched by Run alone
	serves  atomic.Pointer[[]tasks.LaneService] // what the servers take
	awaits  atomic.Pointer[[]tasks.Awaited]     // providers that it cannot reach
	stopped sync.WaitGroup                      // servers and loops that are shutting down
}

// New returns a worker that Run starts.
func New(cfg Config, parts Parts) *Worker {
	machine, err := os.Hostname()
	if err != nil {
		machine = "unknown"
	}
	id := fmt.Sprintf("%s-%d-%s", machine, os.Getpid(), strings.ToLower(rand.Text()[:6]))
	parts.Log = parts.Log.With("worker_id", id)
	w := &Worker{Parts: parts, cfg: cfg, id: id, servers: map[string]*laneServer{}}
	w.serves.Store(new([]tasks.LaneService))
	w.awaits.Store(new([]tasks.Awaited))
	w.gpu = make(chan struct{}, max(1, cfg.LocalSlots))
	w.host = host.New(cfg.HostLimits, cfg.readHost)
	w.runner = attempt.NewRunner(cfg.Attempts, attempt.Parts{
		Worker: id, Store: parts.Store, Dispatcher: parts.Dispatcher, Agents: parts.Agents, Fleet: parts.Fleet,
		Router: parts.Router, MaskKey: parts.MaskKey, Log: parts.Log,
	})
	return w
}
