// Package app wires the parts of Spillway into one process and owns its life: New
// or NewEmbedded opens it, a Serve or Run method works until its context ends, and
// Stop undoes what was opened, newest first.
package app

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"github.com/topcentral/spillway/api/audit"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/health"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/agentstore"
	"github.com/topcentral/spillway/tasks/dispatch"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
	"github.com/topcentral/spillway/tasks/store/redisconn"
	"github.com/topcentral/spillway/worker/webhook"
)

// App is one process of Spillway, wired: what every mode of it shares. The
// parts that a mode serves with (API, worker, webhooks) are made from it.
type App struct {
	cfg        config.Config
	log        *slog.Logger
	policy     webhook.Policy
	rdb        redis.UniversalClient
	queues     redis.UniversalClient // rdb, or a client of the same with the prefix of the queues
	Store      *store.Store
	queue      *queue.Client
	Agents     *agents.Catalogue
	pushed     *agentstore.Store
	dispatcher *dispatch.Dispatcher
	audit      *audit.Log // nil: none is kept
	metrics    *prometheus.Registry
	tracer     trace.Tracer          // nil: no spans are exported
	memory     *redisconn.Memory     // of rdb
	clock      *redisconn.ClockWatch // of rdb

	cleanup cleanup
}

// reporter reports the health of the installation, as this process sees it.
func (s *App) reporter() health.Reporter {
	return health.Reporter{Store: s.Store, Queues: s.queues, Memory: s.memoryFull, Clock: s.clock, Pushed: s.pushed, Agents: s.Agents, Log: s.log}
}

// Stop ends what the system began.
func (s *App) Stop() { s.cleanup.run(s.log) }
