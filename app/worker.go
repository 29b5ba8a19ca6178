package app

import (
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/worker"
	"github.com/topcentral/spillway/worker/attempt"
	"github.com/topcentral/spillway/worker/host"
)

// worker returns a worker for the lanes.
func (s *App) worker(lanes []tasks.Lane) (*worker.Worker, error) {
	fleet, err := s.fleet()
	if err != nil {
		return nil, err
	}
	cfg := worker.Config{
		Lanes: lanes, LocalSlots: s.cfg.LocalSlots, CloudSlots: s.cfg.CloudSlots, Drain: s.cfg.WorkerDrain,
		Attempts:   attempt.Config{LongestCall: s.cfg.LongestCall(), Names: namesConfig(&s.cfg), SendUnexplained: s.cfg.PrivacySendUnexplained, Tracer: s.tracer},
		HostLimits: host.Limits{CPU: s.cfg.HostCPULimit / 100, Memory: s.cfg.HostMemoryLimit / 100},
	}
	circuits := openCircuits{s.breaker(), s.limits()}
	return worker.New(cfg, worker.Parts{
		Redis: s.queues, Store: s.Store, Dispatcher: s.dispatcher, Agents: s.Agents,
		Fleet: fleet, Router: providers.NewRouter(s.log, s.guards(circuits)...), Circuits: circuits, MaskKey: s.cfg.PrivacyKey, Log: s.log,
	}), nil
}
