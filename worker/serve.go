package worker

import (
	"slices"
	"strings"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/worker/attempt"
)

// serve makes the servers fit the models that can be reached: one server for
// all local queues, so that its slots are the GPU's; one server per complexity
// in the cloud, each with slots of its own, so that long jobs do not hold up
// short ones; and one for the scorecards, which every worker can fill.
func (w *Worker) serve(want map[string]queue.ServerConfig) error {
	for name, s := range w.servers {
		if !slices.Equal(s.queues, want[name].Queues) {
			w.retire(name, s)
		}
	}
	for name, cfg := range want {
		if w.servers[name] == nil {
			if err := w.start(name, cfg); err != nil {
				return err
			}
		}
	}
	return nil
}

// plan returns the servers that the worker should have now, by lane or complexity,
// and what the registry lists of them.
func (w *Worker) plan() (map[string]queue.ServerConfig, []tasks.LaneService) {
	last := queue.Names(tasks.Scorecard)
	want := map[string]queue.ServerConfig{string(tasks.Scorecard): {Queues: last, Slots: scorecardSlots, Poll: scorecardPoll}}
	serves := []tasks.LaneService{{Lane: tasks.Scorecard, Queues: last, Slots: scorecardSlots}}
	for _, lane := range w.cfg.Lanes {
		served := w.Fleet.Complexities(lane)
		if len(served) == 0 {
			continue
		}
		queues, slots := queue.Names(lane, served...), w.cfg.LocalSlots
		if lane == tasks.Local {
			want[string(lane)] = queue.ServerConfig{Queues: queues, Slots: slots}
		} else {
			slots = w.cfg.CloudSlots * len(served)
			for _, c := range served {
				want[queue.Name(lane, c, tasks.PriorityNormal)] = queue.ServerConfig{Queues: queue.Names(lane, c), Slots: w.cfg.CloudSlots}
			}
		}
		reach := w.Fleet.Reach(lane)
		serves = append(serves, tasks.LaneService{Lane: lane, Queues: queues, Models: reach.Models, StandIn: reach.StandIn, Slots: slots})
	}
	return want, serves
}

func (w *Worker) start(name string, cfg queue.ServerConfig) error {
	cfg.Drain = w.cfg.Drain + attempt.HandBackTimeout
	s, err := queue.Serve(w.Redis, cfg, queue.Handlers{Ticket: w.handle}, w.Log)
	if err != nil {
		return err
	}
	w.servers[name] = &laneServer{queues: cfg.Queues, server: s}
	w.Log.Info("taking tickets", "queues", strings.Join(cfg.Queues, " "), "slots", cfg.Slots)
	return nil
}

// retire lets a server finish what it has in hand, while others go on.
func (w *Worker) retire(name string, s *laneServer) {
	delete(w.servers, name)
	w.stopped.Go(func() { s.server.Stop(); s.server.Shutdown() })
	w.Log.Info("no longer taking tickets", "queues", strings.Join(s.queues, " "))
}
