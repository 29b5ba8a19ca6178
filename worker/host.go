package worker

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

// HostLimits say how busy a local worker's machine may be for the worker to take
// another local job, as shares from 0 to 1. A zero limit is none.
type HostLimits struct{ CPU, Memory float64 }

const (
	hostLookEvery = time.Second
	// hostMemory is over how long the load of the CPU is evened out, so that a
	// blip turns no job away.
	hostMemory = 10 * time.Second
	// headway is how far below its limit a full machine must get to be no longer
	// full, so that it does not flicker.
	headway = 0.05
	// fullPause is after how long a ticket is looked at again that a full machine
	// has turned away.
	fullPause = 2 * time.Second
)

// host knows how busy this machine is. It is safe for concurrent use.
type host struct {
	limits HostLimits
	read   func(context.Context) (cpu, memory float64, err error) // shares since the last call

	mu  sync.Mutex
	now *tasks.Host // nil: not measured
}

func newHost(limits HostLimits) *host { return &host{limits: limits, read: readHost} }

// readHost measures this machine.
func readHost(ctx context.Context) (used, memory float64, err error) {
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

// limited reports whether there is a limit at all.
func (h *host) limited() bool { return h.limits.CPU > 0 || h.limits.Memory > 0 }

// look measures the machine. While every slot of the worker is taken the load of
// the CPU is not judged: where models run on the CPU it is the worker's own, and
// no further job would be taken anyway.
func (h *host) look(ctx context.Context, busy bool) error {
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
		next.CPU += (used - next.CPU) * (1 - math.Exp(-float64(hostLookEvery)/float64(hostMemory)))
	}
	next.Full = above(next.CPU, h.limits.CPU, was) || above(next.Memory, h.limits.Memory, was)
	h.now = &next
	return nil
}

func above(share, limit float64, was bool) bool {
	if was {
		limit -= headway
	}
	return limit > 0 && share > limit
}

// state returns the machine as it was last seen; nil when it was not.
func (h *host) state() *tasks.Host {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now == nil {
		return nil
	}
	copied := *h.now
	return &copied
}

func (h *host) full() bool {
	s := h.state()
	return s != nil && s.Full
}

// lookAtHost measures the machine and logs when it becomes too busy for local
// jobs, and when it ceases to be.
func (w *Worker) lookAtHost(ctx context.Context) error {
	was := w.host.full()
	if err := w.host.look(ctx, len(w.gpu) == cap(w.gpu)); err != nil {
		return err
	}
	if is := w.host.state(); is.Full != was {
		w.Log.InfoContext(ctx, "this machine's load decides over local jobs", "taken", !is.Full, "cpu", is.CPU, "memory", is.Memory)
	}
	return nil
}
