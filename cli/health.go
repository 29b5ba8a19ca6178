package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// health says which part is well. Jobs are taken as long as Redis answers: a
// lane that nobody serves only makes them wait, or spill.
func (s *system) health(ctx context.Context) api.Health {
	h := api.Health{Status: api.HealthOK, Redis: api.RedisHealth{Status: api.HealthOK}, Queues: []api.QueueHealth{}, Lanes: []api.LaneHealth{}}
	workers, err := s.store.Workers(ctx)
	if err != nil {
		h.Status = api.HealthUnavailable
		h.Redis = api.RedisHealth{Status: api.HealthUnavailable, Detail: "Redis does not answer; new jobs are refused until it does"}
		return h
	}
	workers = slices.DeleteFunc(workers, func(w tasks.Worker) bool { return w.Leaving })
	for _, lane := range tasks.Lanes() {
		h.Lanes = append(h.Lanes, laneHealth(lane, workers))
	}
	depths, err := queue.NewInspector(s.rdb).Depths()
	if err != nil {
		s.log.WarnContext(ctx, "queues cannot be inspected", "error", err)
		h.Redis = api.RedisHealth{Status: api.HealthDegraded, Detail: "the queues cannot be inspected"}
	}
	for _, d := range depths {
		h.Queues = append(h.Queues, queueHealth(d))
	}
	if len(workers) == 0 || h.Redis.Status != api.HealthOK || slices.ContainsFunc(h.Queues, func(q api.QueueHealth) bool { return q.Status != api.HealthOK }) {
		h.Status = api.HealthDegraded
	}
	return h
}

// laneHealth sums up the workers of a lane.
func laneHealth(lane tasks.Lane, workers []tasks.Worker) api.LaneHealth {
	h := api.LaneHealth{Lane: lane, Status: api.HealthOK, Models: []string{}}
	for _, w := range workers {
		for _, s := range w.Serves {
			if s.Lane == lane {
				h.Workers++
				h.Slots += s.Slots
				h.Running += s.Running
				h.Models = append(h.Models, s.Models...)
			}
		}
	}
	slices.Sort(h.Models)
	h.Models = slices.Compact(h.Models)
	if h.Workers == 0 {
		h.Status = api.HealthUnavailable
		h.Detail = noWorkerOn[lane]
	}
	return h
}

var noWorkerOn = map[tasks.Lane]string{
	tasks.Local:     "no worker reaches a local model; start Ollama and a worker with --lane local",
	tasks.Cloud:     "no worker reaches a cloud API; set a key and start a worker with --lane cloud",
	tasks.Scorecard: "no worker is alive; start one with spillway worker",
}

func queueHealth(d queue.Depth) api.QueueHealth {
	h := api.QueueHealth{
		Name: d.Queue, Status: api.HealthOK, Waiting: d.Waiting, Running: d.Taken, OldestSeconds: d.Oldest.Seconds(),
	}
	switch {
	case d.Paused:
		h.Status, h.Detail = api.HealthDegraded, "the queue is paused"
	case d.Dead > 0:
		h.Detail = fmt.Sprintf("%d tasks were given up; see the dashboard", d.Dead)
	}
	return h
}
