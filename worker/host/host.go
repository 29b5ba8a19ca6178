// Package host measures how busy a worker's machine is, so that no local job is
// taken on one that has no room for it.
package host

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/topcentral/spillway/tasks"
)

// Limits say how busy a local worker's machine may be for the worker to take
// another local job, as shares from 0 to 1. A zero limit is none.
type Limits struct{ CPU, Memory float64 }

const (
	// Interval is how often Measure is to be called.
	Interval = time.Second
	// smoothing is the time constant over which the load of the CPU is averaged, so
	// that a short peak turns no job away.
	smoothing = 10 * time.Second
	// hysteresis is how far below its limit a full machine must get to be no longer
	// full.
	hysteresis = 0.05
)

// Monitor measures this machine. It is safe for concurrent use.
type Monitor struct {
	limits Limits
	read   Read

	mu  sync.Mutex
	now *tasks.Host // nil: not measured
}

// Read returns the share of the CPU used since the last call and that of the
// memory in use.
type Read func(context.Context) (cpu, memory float64, err error)

// New returns a Monitor of this machine. read replaces its measurement in tests;
// nil: this machine's.
func New(limits Limits, read Read) *Monitor {
	if read == nil {
		read = measure
	}
	return &Monitor{limits: limits, read: read}
}

// measure is the Read of this machine.
func measure(ctx context.Context) (used, memory float64, err error) {
	all, err := cpu.PercentWithContext(ctx, 0, false)
	if err != nil || len(all) == 0 {
		return 0, 0, fmt.Errorf("measure the CPU: %w", err)
	}
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("measure the memory: %w", err)
	}
	return all[0] / 100, m.UsedPercent / 100, nil
}

// Limited reports whether there is a limit at all.
func (h *Monitor) Limited() bool { return h.limits.CPU > 0 || h.limits.Memory > 0 }

// Measure measures the machine. While every slot of the worker is taken the load of
// the CPU is not judged: where models run on the CPU it is the worker's own, and
// no further job would be taken anyway.
func (h *Monitor) Measure(ctx context.Context, busy bool) error {
	used, memory, err := h.read(ctx)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	next := tasks.Host{Memory: memory}
	was := h.now != nil && h.now.Full
	if h.now != nil {
		next.CPU = h.now.CPU
	}
	if !busy {
		next.CPU += (used - next.CPU) * (1 - math.Exp(-float64(Interval)/float64(smoothing)))
	}
	next.Full = above(next.CPU, h.limits.CPU, was) || above(next.Memory, h.limits.Memory, was)
	h.now = &next
	return nil
}

func above(share, limit float64, was bool) bool {
	if was {
		limit -= hysteresis
	}
	return limit > 0 && share > limit
}

// State returns the last measurement, nil if there is none.
func (h *Monitor) State() *tasks.Host {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now == nil {
		return nil
	}
	copied := *h.now
	return &copied
}

// Full reports whether the machine is too busy for another local job.
func (h *Monitor) Full() bool {
	s := h.State()
	return s != nil && s.Full
}
