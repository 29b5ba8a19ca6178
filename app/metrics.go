package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/topcentral/spillway/app/buildinfo"
	"github.com/topcentral/spillway/tasks/metrics"
)

// newMetrics registers the metrics of this process: its own, and what
// all processes know from Redis. The parts of the system add what they do.
func newMetrics(s *App) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		metrics.NewCollector(s.queues, s.Store, s.agentIDs, s.log),
		buildInfo(),
		memoryShare(s),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "spillway_process_agent_faults", Help: "Agents' folders that this process refuses.",
		}, func() float64 { return float64(len(s.Agents.Faults())) }),
	)
	return r
}

// agentIDs names the agents that are installed here.
func (s *App) agentIDs() []string {
	var ids []string
	for _, a := range s.Agents.All() {
		ids = append(ids, a.ID)
	}
	return ids
}

// buildInfo identifies this build.
func buildInfo() prometheus.Collector {
	b := buildinfo.Read()
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "spillway_build_info", Help: "The build of this process; always 1.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "go_version": b.Compiler},
	}, func() float64 { return 1 })
}

// memoryShare is how full Redis is, as new jobs see it.
func memoryShare(s *App) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "spillway_redis_memory_share", Help: "The part of its memory limit that the fullest Redis master uses; 0 without a limit.",
	}, func() float64 { return s.memory.Use(context.Background()).Share() })
}
