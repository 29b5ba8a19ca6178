package worker

import (
	"context"
	"slices"

	"github.com/topcentral/spillway/tasks"
)

// beat writes this worker's heartbeat, with what it serves.
func (w *Worker) beat(ctx context.Context) error { return w.Store.Beat(ctx, w.entry()) }

// entry is this worker as the registry shows it.
func (w *Worker) entry() *tasks.Worker {
	serves := slices.Clone(*w.serves.Load())
	for i := range serves {
		serves[i].Running = w.runner.Running(serves[i].Lane)
	}
	return &tasks.Worker{
		ID: w.id, Serves: serves, Awaits: *w.awaits.Load(), Host: w.host.State(), StartedAt: w.started.UTC(),
		Agents: w.Agents.Versions(), AgentFaults: w.Agents.Faults(), Circuits: w.Circuits.Open(),
	}
}
