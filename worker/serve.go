package worker

import (
	"slices"
	"strings"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// laneServer is one asynq server and what it takes.
type laneServer struct {
	queues []string
	server *queue.Server
}

// serve makes the servers fit the models that can be reached: one server for
// all local queues, so that its slots are the GPU's; one server per cloud
// queue, since one server's dequeue loop is the limit of one; and one for the
// scorecards, which every worker can fill.
func (w *Worker) serve() error {
	want := map[string]queue.ServerConfig{
		string(tasks.Scorecard): {Queues: queue.Names(tasks.Scorecard), Slots: scorecardSlots},
	}
	for _, lane := range w.cfg.Lanes {
		queues := w.Fleet.Queues(lane)
		switch {
		case len(queues) == 0:
		case lane == tasks.Local:
			want[string(lane)] = queue.ServerConfig{Queues: queues, Slots: w.cfg.LocalSlots}
		default:
			for _, q := range queues {
				want[q] = queue.ServerConfig{Queues: []string{q}, Slots: w.cfg.CloudSlots}
			}
		}
	}
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

func (w *Worker) start(name string, cfg queue.ServerConfig) error {
	cfg.Drain = w.cfg.Drain + handBackTimeout
	s, err := queue.Serve(w.Redis, cfg, queue.Handlers{Ticket: w.take}, w.Log)
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
	s.server.Stop()
	w.stopped.Go(s.server.Shutdown)
	w.Log.Info("no longer taking tickets", "queues", strings.Join(s.queues, " "))
}
