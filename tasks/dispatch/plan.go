// Package dispatch turns what callers submit into jobs, and jobs into tickets:
// it decides which lanes get a ticket for a job, and when.
package dispatch

import (
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/queue"
)

// Live is what the live workers serve, by queue.
type Live struct {
	Workers map[string][]string // IDs of the workers that serve it
	Full    map[string]bool     // served by nobody but workers whose machines are too busy for another job
	Recent  map[string]bool     // served until a moment ago, by workers that have signed off
	Slots   map[string]int      // jobs that may run at once
	Running map[string]int      // jobs that run; in the cloud each complexity gets its share of what a worker runs
	Reach   map[tasks.Lane]agents.Reach

	workers    []tasks.Worker // those that take tickets
	registered []tasks.Worker // and those that have signed off
}

// LiveOf sums up the registry.
func LiveOf(workers []tasks.Worker) Live {
	l := Live{Workers: map[string][]string{}, Full: map[string]bool{}, Recent: map[string]bool{}, Slots: map[string]int{}, Running: map[string]int{}, Reach: map[tasks.Lane]agents.Reach{}}
	l.registered = workers
	for _, w := range workers {
		if !w.Leaving {
			l.workers = append(l.workers, w)
		}
		for _, lane := range w.Serves {
			if !w.Leaving {
				l.addReach(lane)
			}
			for _, q := range lane.Queues {
				if w.Leaving {
					l.Recent[q] = true
					continue
				}
				full := lane.Lane == tasks.Local && w.Host != nil && w.Host.Full
				l.Full[q] = full && (len(l.Workers[q]) == 0 || l.Full[q])
				l.Workers[q] = append(l.Workers[q], w.ID)
				if full { // what runs goes on
					l.Slots[q] += min(lane.Slots, lane.Running)
					l.Running[q] += lane.Running
				} else {
					l.Slots[q] += lane.Slots / servers(lane)
					l.Running[q] += lane.Running / servers(lane)
				}
			}
		}
	}
	return l
}

// servers is how many servers share a worker's slots on a lane: in the cloud one
// for each complexity, else one for all its queues.
func servers(s tasks.LaneService) int {
	if s.Lane != tasks.Cloud {
		return 1
	}
	n := 0
	for _, c := range tasks.Complexities() {
		if slices.Contains(s.Queues, queueOf(s.Lane, c)) {
			n++
		}
	}
	return max(1, n)
}

// queueOf returns the queue by which workers are counted that serve a complexity on a
// lane: that of the normal jobs. Each of them serves the other priorities, too.
func queueOf(lane tasks.Lane, c tasks.Complexity) string {
	return queue.Name(lane, c, tasks.PriorityNormal)
}

// addReach adds what a worker can ask on a lane.
func (l Live) addReach(s tasks.LaneService) {
	r := l.Reach[s.Lane]
	r.Lane, r.StandIn = s.Lane, r.StandIn || s.StandIn
	for _, m := range s.Models {
		if !slices.Contains(r.Models, m) {
			r.Models = append(r.Models, m)
		}
	}
	l.Reach[s.Lane] = r
}

// Serves reports whether a live worker takes the job on the lane, has its agent,
// and can ask one of its candidates.
func (v View) Serves(lane tasks.Lane, j *tasks.Job) bool { return v.ServedByOthers("", lane, j) }

// ServedByOthers is [View.Serves] for the workers other than the one of that ID.
func (v View) ServedByOthers(worker string, lane tasks.Lane, j *tasks.Job) bool {
	q := queueOf(lane, j.Complexity)
	return slices.ContainsFunc(v.Live.workers, func(w tasks.Worker) bool {
		return w.ID != worker && w.HasAgent(j.Agent) && slices.ContainsFunc(w.Serves, func(s tasks.LaneService) bool {
			return s.Lane == lane && slices.Contains(s.Queues, q) && v.canAsk(s, j)
		})
	})
}

// HasAgent reports whether a live worker other than the one of that ID has an
// agent, or does not say which it has. One that has only just signed off may be
// back in a moment, and counts too.
func (v View) HasAgent(beside, agent string) bool {
	return slices.ContainsFunc(v.Live.registered, func(w tasks.Worker) bool { return w.ID != beside && w.HasAgent(agent) })
}

// canAsk reports whether a worker reaches a candidate of the job on a lane. A
// worker that lists no models, and an agent that is not known here, leave that
// open: the worker decides.
func (v View) canAsk(s tasks.LaneService, j *tasks.Job) bool {
	if s.Lane == tasks.Scorecard || len(s.Models) == 0 {
		return true
	}
	agent, ok := v.agents.Lookup(j.Agent)
	if !ok {
		return true
	}
	reach := agents.Reach{Lane: s.Lane, Models: s.Models, StandIn: s.StandIn}
	return len(agents.Order(reach, &agent.Agent, j, v.order)) > 0
}

// PlannedTicket is the ticket that a lane is to get for a job, and when.
type PlannedTicket struct {
	Lane tasks.Lane
	At   time.Time // zero: at once
}

const (
	// restartGrace is how long a lane whose workers have signed off may take to come
	// back before the scorecard answers in its place.
	restartGrace = 10 * time.Second
	// startGrace is how long after a worker's start its lanes are yet to be known:
	// model servers may need some time for their first answer.
	startGrace = 20 * time.Second
)

// unservable reports whether it is known that nobody can run a job: workers live,
// but none serves one of these lanes, has just left it, or is only starting.
func (v View) unservable(j *tasks.Job, lanes []tasks.Lane, now time.Time) bool {
	return len(v.Live.workers) > 0 && !slices.ContainsFunc(lanes, func(l tasks.Lane) bool {
		return len(v.Live.Workers[queueOf(l, j.Complexity)]) > 0 || v.awaitedUntil(l, j, now).After(now)
	}) && !slices.ContainsFunc(v.Live.workers, func(w tasks.Worker) bool { return now.Sub(w.StartedAt) < startGrace })
}

// Plan says which lanes get a ticket for a queued job. The first lane that is
// served for this job gets one at once, the next one at the job's spill time. When no
// lane with a model is served, the scorecard gets the ticket if the job allows
// that: after a moment if the lane's workers have only just signed off, as they
// do when they are restarted, or its model server is starting, else at once. A job that is to fail then gets that
// ticket, too: the attempt ends it as soon as it is known that nobody can run it.
// One that names candidates which nobody reaches goes where its lanes are served
// for others, whose workers decide. Otherwise the job waits in the queues of every lane with a model that may
// yet come back, and in that of the first alone while no worker lives at all: once one does, a watchdog plans
// anew, and tickets of a lane that nobody ever serves would stay for good. It does not wait for the scorecard,
// which would win that race and degrade all that piled up while the workers were restarted.
func (v View) Plan(j *tasks.Job, now time.Time) []PlannedTicket {
	open := j.OpenLanes()
	models := modelLanes(open)
	served := slices.DeleteFunc(slices.Clone(models), func(l tasks.Lane) bool { return !v.Serves(l, j) })

	if len(served) == 0 && len(j.Candidates) > 0 {
		served = slices.DeleteFunc(slices.Clone(models), func(l tasks.Lane) bool { return len(v.Live.Workers[queueOf(l, j.Complexity)]) == 0 })
	}

	switch {
	case len(served) > 0:
		planned := []PlannedTicket{{Lane: served[0]}}
		for _, lane := range served[1:] {
			planned = append(planned, PlannedTicket{Lane: lane, At: j.SpillAt})
		}
		return planned
	case v.Serves(tasks.Scorecard, j) && slices.Contains(open, tasks.Scorecard):
		for _, lane := range models {
			if until := v.awaitedUntil(lane, j, now); until.After(now) {
				return []PlannedTicket{{Lane: lane}, {Lane: tasks.Scorecard, At: until}}
			}
		}
		return []PlannedTicket{{Lane: tasks.Scorecard}}
	case j.OnExhausted == tasks.GiveUp && len(models) > 0 && v.unservable(j, models, now):
		return []PlannedTicket{{Lane: tasks.Scorecard}}
	default:
		if len(models) == 0 {
			models = open
		}
		if len(v.Live.workers) == 0 {
			models = models[:min(1, len(models))]
		}
		planned := make([]PlannedTicket, 0, len(models))
		for _, lane := range models {
			planned = append(planned, PlannedTicket{Lane: lane})
		}
		return planned
	}
}

// awaitedUntil returns until when a lane that is not served may yet come before the
// scorecard answers in its place; zero if it is not expected. Workers that have
// just signed off, and model servers that are starting, have a moment. A provider
// that the job names, and that a worker cannot reach, has until the target of a job
// that settles for its scorecard, else until the deadline.
func (v View) awaitedUntil(lane tasks.Lane, j *tasks.Job, now time.Time) time.Time {
	var until time.Time
	last := j.Deadline
	if j.OnExhausted == tasks.Degrade {
		last = j.TargetAt
	}
	if v.Live.Recent[queueOf(lane, j.Complexity)] {
		until = now.Add(restartGrace)
	}
	for _, w := range v.Live.workers {
		for _, p := range w.Awaits {
			named := slices.ContainsFunc(j.Candidates, func(c string) bool { name, _, _ := strings.Cut(c, "/"); return name == p.Provider })
			switch {
			case p.Lane != lane:
			case named && last.After(until):
				until = last
			case len(j.Candidates) == 0 && p.Starting && until.IsZero():
				until = now.Add(restartGrace)
			}
		}
	}
	return until
}

// modelLanes are the lanes on which models answer.
func modelLanes(lanes []tasks.Lane) []tasks.Lane {
	return slices.DeleteFunc(slices.Clone(lanes), func(l tasks.Lane) bool { return l == tasks.Scorecard })
}
