// Package dispatch turns what callers submit into jobs, and jobs into tickets:
// it decides which lanes get a chance to run a job, and when.
package dispatch

import (
	"slices"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// Live tells which queues the live workers serve.
type Live struct{ Queues map[string]bool }

// LiveOf sums up the registry.
func LiveOf(workers []tasks.Worker) Live {
	l := Live{Queues: map[string]bool{}}
	for _, w := range workers {
		for _, lane := range w.Serves {
			for _, q := range lane.Queues {
				l.Queues[q] = true
			}
		}
	}
	return l
}

// Serves reports whether a live worker takes such jobs on the lane.
func (l Live) Serves(lane tasks.Lane, c tasks.Complexity) bool {
	return l.Queues[queue.Name(lane, c)]
}

// Chance is a lane's chance to run a job, from a point in time on.
type Chance struct {
	Lane tasks.Lane
	At   time.Time // zero: at once
}

// Plan says which lanes get a ticket for a queued job. The first lane that has
// a live worker gets one at once, the next one at the job's spill time. When no
// lane with a model is served, the scorecard gets the ticket if the job allows
// that; otherwise, and when no worker lives at all, the job waits in the queues
// of every lane with a model that may yet come back. It does not wait for the
// scorecard, which would win that race and degrade all that piled up while the
// workers were restarted; once a worker lives, a watchdog plans anew.
func Plan(j *tasks.Job, live Live) []Chance {
	open := j.OpenLanes()
	models := slices.DeleteFunc(slices.Clone(open), func(l tasks.Lane) bool { return l == tasks.Scorecard })
	served := slices.DeleteFunc(slices.Clone(models), func(l tasks.Lane) bool { return !live.Serves(l, j.Complexity) })

	switch {
	case len(served) > 0:
		chances := []Chance{{Lane: served[0]}}
		for _, lane := range served[1:] {
			chances = append(chances, Chance{Lane: lane, At: j.SpillAt})
		}
		return chances
	case live.Serves(tasks.Scorecard, j.Complexity) && slices.Contains(open, tasks.Scorecard):
		return []Chance{{Lane: tasks.Scorecard}}
	default:
		if len(models) == 0 {
			models = open
		}
		chances := make([]Chance, 0, len(models))
		for _, lane := range models {
			chances = append(chances, Chance{Lane: lane})
		}
		return chances
	}
}

// secondLane is how long the second lane is taken to need, at the 95th
// percentile, until durations are measured.
var secondLane = map[tasks.Complexity]time.Duration{
	tasks.Low:     5 * time.Second,
	tasks.Medium:  10 * time.Second,
	tasks.High:    25 * time.Second,
	tasks.Extreme: 45 * time.Second,
}

// spillAfter returns how long after its creation a job that must be answered
// within target is still safe with its first lane alone: later, the second
// lane could no longer make it.
func spillAfter(c tasks.Complexity, target time.Duration) time.Duration {
	return max(0, target-secondLane[c])
}
