package worker

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

func TestAFullMachineTakesNoLocalJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	var memory atomic.Int64
	memory.Store(95)
	w.start(t, bothLanes, func(cfg *Config) {
		cfg.HostLimits.Memory = 0.8
		cfg.readHost = func(context.Context) (float64, float64, error) { return 0, float64(memory.Load()) / 100, nil }
	})
	if j := w.end(t, w.submit(t).ID); j.Attempts[0].Lane != tasks.Cloud {
		t.Errorf("it ran on the lane %s", j.Attempts[0].Lane)
	}
	workers, err := w.store.Workers(t.Context())
	if err != nil || len(workers) != 1 || workers[0].Host == nil || !workers[0].Host.Full {
		t.Errorf("the registry says %+v, %v", workers, err)
	}
	only := w.submit(t, func(s *tasks.Submission) { s.Privacy = tasks.LocalOnly })
	memory.Store(10)
	if j := w.end(t, only.ID); j.Degraded || j.Attempts[0].Lane != tasks.Local {
		t.Errorf("a job that must stay local: got %+v, want it to wait for the machine", j.Attempts)
	}
}
