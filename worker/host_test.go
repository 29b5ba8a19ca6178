package worker

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

func TestWhenAMachineIsFull(t *testing.T) {
	type second struct {
		cpu, memory float64
		busy        bool
	}
	idle, loaded := second{cpu: 0.1, memory: 0.5}, second{cpu: 1, memory: 0.5}
	many := func(s second, n int) []second {
		all := make([]second, n)
		for i := range all {
			all[i] = s
		}
		return all
	}
	both := HostLimits{CPU: 0.8, Memory: 0.8}
	for _, c := range []struct {
		name   string
		limits HostLimits
		seen   [][]second
		want   bool
	}{
		{"idle", both, [][]second{many(idle, 30)}, false},
		{"a blip", both, [][]second{many(idle, 30), many(loaded, 5)}, false},
		{"loaded for long", both, [][]second{many(idle, 30), many(loaded, 30)}, true},
		{"a little below the limit again: still full", both, [][]second{many(loaded, 40), many(second{cpu: 0.78}, 60)}, true},
		{"well below it", both, [][]second{many(loaded, 40), many(second{cpu: 0.7}, 60)}, false},
		{"a little below the limit at first: not yet full", both, [][]second{many(second{cpu: 0.78}, 60)}, false},
		{"loaded by the worker's own job", both, [][]second{many(idle, 30), many(second{cpu: 1, busy: true}, 60)}, false},
		{"memory", both, [][]second{many(second{memory: 0.9}, 1)}, true},
		{"memory, also while it works", both, [][]second{many(second{memory: 0.9, busy: true}, 1)}, true},
		{"no limits", HostLimits{}, [][]second{many(second{cpu: 1, memory: 1}, 60)}, false},
		{"one limit", HostLimits{CPU: 0.8}, [][]second{many(second{memory: 1}, 60)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s second
			h := newHost(c.limits)
			h.read = func(context.Context) (float64, float64, error) { return s.cpu, s.memory, nil }
			for _, phase := range c.seen {
				for _, s = range phase {
					if err := h.look(t.Context(), s.busy); err != nil {
						t.Fatal(err)
					}
				}
			}
			if got := h.full(); got != c.want {
				t.Errorf("got %v with %+v, want %v", got, h.state(), c.want)
			}
		})
	}
}

func TestAMachineThatCannotBeMeasuredIsNotFull(t *testing.T) {
	h := newHost(HostLimits{CPU: 0.8})
	h.read = func(context.Context) (float64, float64, error) { return 0, 0, errors.New("no") }
	if err := h.look(t.Context(), false); err == nil || h.full() || h.state() != nil {
		t.Errorf("got %v and %+v", err, h.state())
	}
}

func TestThisMachineCanBeMeasured(t *testing.T) {
	if used, memory, err := readHost(t.Context()); err != nil || used < 0 || used > 1 || memory <= 0 || memory > 1 {
		t.Errorf("got %v, %v, %v", used, memory, err)
	}
}

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
