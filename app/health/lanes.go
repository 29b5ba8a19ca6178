package health

import (
	"math"
	"slices"
	"strings"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// isStalled reports whether a lane has workers and cannot answer.
func isStalled(h api.LaneHealth) bool { return h.Workers > 0 && h.Status == api.HealthUnavailable }

// cutOff returns the providers of a lane that its workers cannot reach, if none of
// them reaches another, and if somebody relies on one: it has answered before, settings
// name it, or it is a cloud, which is asked only where its key is set. Ollama is looked for
// on every machine, so it may never have been there.
func cutOff(lane tasks.Lane, workers []tasks.Worker) []string {
	var awaited []string
	relied := false
	for _, w := range workers {
		if slices.ContainsFunc(w.Serves, func(s tasks.LaneService) bool { return s.Lane == lane }) {
			return nil
		}
		for _, a := range w.Awaits {
			if a.Lane == lane && !a.Starting {
				awaited = append(awaited, a.Provider)
				relied = relied || a.Lost || a.Configured || lane == tasks.Cloud
			}
		}
	}
	if !relied {
		return nil
	}
	slices.Sort(awaited)
	return slices.Compact(awaited)
}

// withoutCandidates reports whether a lane's workers leave all their candidates
// alone.
func withoutCandidates(lane tasks.Lane, workers []tasks.Worker) bool {
	candidates := 0
	for _, w := range workers {
		for _, l := range w.Serves {
			if l.Lane != lane {
				continue
			}
			for _, m := range l.Models {
				candidates++
				if !slices.ContainsFunc(w.Circuits, func(c tasks.Circuit) bool { return c.Provider+"/"+c.Model == m }) {
					return false
				}
			}
		}
	}
	return candidates > 0
}

// OfLane sums up the workers of a lane and what waits in its queues.
func OfLane(lane tasks.Lane, workers []tasks.Worker, depths []queue.Depth) api.LaneHealth {
	h := api.LaneHealth{Lane: lane, Status: api.HealthOK, Models: []string{}}
	for _, w := range workers {
		for _, s := range w.Serves {
			if s.Lane == lane {
				h.Workers++
				h.Slots += s.Slots
				h.Running += s.Running
				if lane == tasks.Local && w.Host != nil && w.Host.Full {
					h.Full++
				}
				h.Models = append(h.Models, s.Models...)
			}
		}
	}
	slices.Sort(h.Models)
	h.Models = slices.Compact(h.Models)
	h.Load = load(h.Running, lane, depths, h.Slots)
	if h.Full > 0 {
		h.Detail = "the machines of some workers are above SPILLWAY_HOST_CPU_LIMIT or SPILLWAY_HOST_MEMORY_LIMIT, so that they take no further job"
	}
	if withoutCandidates(lane, workers) {
		h.Status = api.HealthUnavailable
		h.Detail = "its workers do not call any model for now, since each has failed; see providers"
	}
	if h.Workers == 0 {
		h.Status = api.HealthUnavailable
		h.Detail = NoWorkerOn[lane]
		if lost := cutOff(lane, workers); len(lost) > 0 {
			h.Detail = "its workers cannot reach " + strings.Join(lost, ", ") + "; see providers"
		}
	}
	return h
}

// load is the share of a lane's slots that jobs take or wait for; it may be above 1.
func load(running int, lane tasks.Lane, depths []queue.Depth, slots int) float64 {
	if slots == 0 {
		return 0
	}
	queues := queue.Names(lane)
	for _, d := range depths {
		if slices.Contains(queues, d.Queue) {
			running += d.Waiting
		}
	}
	return math.Round(100*float64(running)/float64(slots)) / 100
}

// NoWorkerOn says what is missing on a lane without a live worker, and behind a
// semicolon what to do.
var NoWorkerOn = map[tasks.Lane]string{
	tasks.Local:     "no worker reaches a local model; start Ollama and a worker with --lane local",
	tasks.Cloud:     "no worker reaches a cloud API; set a key and start a worker with --lane cloud",
	tasks.Scorecard: "no worker is alive; start one with spillway worker",
}
