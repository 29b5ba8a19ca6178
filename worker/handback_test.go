package worker

import (
	"errors"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/queue"
)

// without runs a worker that has the built-in agents alone, and so not those of
// these tests.
func (w *world) without(t *testing.T) {
	t.Helper()
	builtin, err := agents.Open("", quiet)
	if err != nil {
		t.Fatal(err)
	}
	w.startWith(t, builtin, bothLanes)
}

func TestAJobWaitsForTheWorkerThatHasItsAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.without(t)
	w.start(t, localLane, func(cfg *Config) { cfg.LocalSlots = 4 })
	var jobs []*tasks.Job
	for range 20 {
		jobs = append(jobs, w.submit(t))
	}
	for _, j := range jobs {
		if j = w.end(t, j.ID); j.State != tasks.Succeeded || j.Degraded || j.Attempt != 1 {
			t.Errorf("job: got %s (%v), degraded %v, after %d claims; want an answer of a model after one", j.State, j.Error, j.Degraded, j.Attempt)
		}
	}
}

// The watchdog that finds a job past its deadline may be that of a worker without
// the agent: the scorecard answers all the same.
func TestAJobEndsByTheWorkerThatHasItsAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t), shortLease)
	hang, asked, _ := hangs()
	w.local.Does(hang)
	w.without(t)
	w.start(t, localLane)
	w.submit(t) // takes the only slot
	wait(t, asked)
	j := w.submit(t, func(s *tasks.Submission) { s.Deadline = time.Now().Add(2 * time.Second) })
	if j = w.end(t, j.ID); j.State != tasks.Succeeded || !j.Degraded {
		t.Errorf("job: got %s (%v), want the scorecard's answer", j.State, j.Error)
	}
}

func TestAJobWithoutAnyWorkerForItsAgentWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.without(t)
	expires := w.submit(t, func(s *tasks.Submission) { s.Deadline = time.Now().Add(time.Second) })
	waits := w.submit(t)
	if expires = w.end(t, expires.ID); codeOf(expires) != tasks.CodeUnknownAgent {
		t.Errorf("at its deadline: got %s (%v), want %s", expires.State, expires.Error, tasks.CodeUnknownAgent)
	}
	w.start(t, localLane)
	if waits = w.end(t, waits.ID); waits.State != tasks.Succeeded || waits.Attempt != 1 {
		t.Errorf("with a worker that has the agent: got %s (%v) after %d claims", waits.State, waits.Error, waits.Attempt)
	}
}

// Tickets of the version before did not name the agent.
func TestAnOldTicketIsHandedBackToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	builtin, err := agents.Open("", quiet)
	if err != nil {
		t.Fatal(err)
	}
	one := w.worker(t, builtin, defaults())
	j := w.submit(t)
	err = one.handle(t.Context(), queue.Ticket{JobID: j.ID, Lane: tasks.Local, Complexity: j.Complexity})
	if _, ok := errors.AsType[*queue.Retry](err); !ok {
		t.Errorf("got %v, want the ticket back in the queue", err)
	}
	if j, err = w.store.Find(t.Context(), j.ID); err != nil || j.State != tasks.Queued || j.Attempt != 0 {
		t.Errorf("job: got %v, %v; want it as it was", j, err)
	}
}
