package attempt

import (
	"testing"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// A job whose candidates were all refused stays with its lane: another worker
// would be refused as well, and this one is fit.
func TestARefusalSendsNoJobToAnotherWorker(t *testing.T) {
	a := &attempt{}
	for _, reason := range []string{tasks.OutcomeBreakerOpen, tasks.OutcomeLimitReached, tasks.OutcomeBudgetSpent} {
		if a.elsewhere(t.Context(), &providers.ExhaustedError{Refused: reason}) {
			t.Errorf("%s: handed on", reason)
		}
	}
}

// A job whose candidate this worker does not reach goes to another worker at once,
// but not again and again: where the other has no slot free, it waits.
func TestAJobDoesNotSpinBetweenWorkers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := &tasks.Worker{ID: "other", Serves: []tasks.LaneService{{
		Lane: tasks.Local, Queues: queue.Names(tasks.Local), Models: []string{"ollama/small"}, Slots: 1, Running: 1,
	}}}
	if err := w.store.Beat(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	j := w.submit(t, func(s *tasks.Submission) { s.Candidates = []string{"ollama/small"} })
	handed := 0
	for n := 1; n <= 10; n++ {
		j.Attempt = n
		a := &attempt{Runner: w.runner, job: j, lane: tasks.Local, log: quiet}
		if !a.elsewhere(t.Context(), &providers.ExhaustedError{}) {
			break
		}
		handed++
		j.Attempts = append(j.Attempts, tasks.Attempt{
			Number: n, Lane: tasks.Local, Candidate: "ollama/small", Outcome: tasks.OutcomeUnreachable, RetryAt: time.Now().Add(time.Second),
		})
	}
	if handed != maxElsewhere {
		t.Errorf("handed on %d times, want %d", handed, maxElsewhere)
	}
}
