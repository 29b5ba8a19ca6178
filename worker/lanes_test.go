package worker

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// A ticket for the scorecard was issued when no model could be reached. When it
// comes up a model can be, so the model answers.
func TestAModelThatIsBackGoesBeforeTheScorecard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	now := time.Now()
	j := &tasks.Job{
		ID: tasks.NewID(), Tenant: tenant, Agent: "T1", Complexity: tasks.Medium, Language: tasks.Chinese,
		OnExhausted: tasks.Degrade, Lanes: tasks.Lanes(),
		CreatedAt: now, TargetAt: now.Add(time.Minute), SpillAt: now.Add(time.Minute), Deadline: now.Add(time.Minute),
	}
	if _, err := w.store.Create(t.Context(), j, json.RawMessage(`{"kind":"good"}`), store.Idempotency{}); err != nil {
		t.Fatalf("create: %v", err)
	}
	ticket := queue.Ticket{JobID: j.ID, Lane: tasks.Scorecard, Complexity: tasks.Medium}
	if err := queue.NewClient(w.rdb).Enqueue(t.Context(), ticket, time.Time{}); err != nil {
		t.Fatalf("enqueue: %v", err)
	}
	w.start(t, localLane)
	if j = w.end(t, j.ID); j.Degraded || j.Lane != tasks.Local {
		t.Errorf("job: got degraded %v on %s, want an answer of the local model", j.Degraded, j.Lane)
	}
}

// A worker whose model server has just died fails fast, and must not drain the
// queue of its lane into the scorecard while another worker could answer.
func TestAWorkerWhoseProviderIsDownLeavesJobsToOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	well, broken := w.local, providertest.NewFake("ollama", "small", "large")
	w.local = broken
	w.start(t, localLane)
	w.local = well
	w.start(t, localLane)
	broken.Does(providertest.FailWith(providers.ClassTransport)).SetModels(errors.New("refused"))

	var jobs []*tasks.Job
	for range 4 {
		jobs = append(jobs, w.submit(t))
	}
	for _, j := range jobs {
		if j = w.end(t, j.ID); j.Degraded || j.Lane != tasks.Local {
			t.Errorf("job: got degraded %v on %s after %d attempts, want an answer of the local lane", j.Degraded, j.Lane, len(j.Attempts))
		}
	}
}

// The lane that a job has spilled to asks again and goes on to its other
// candidates, as the first lane would have.
func TestTheLaneAJobSpilledToHasAllTheTimeThereIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	busy := &tasks.Worker{ID: "busy", Serves: []tasks.LaneService{{Lane: tasks.Local, Queues: queue.Names(tasks.Local), Slots: 1, Running: 1}}}
	if err := w.store.Beat(t.Context(), busy); err != nil {
		t.Fatalf("beat: %v", err)
	}
	w.cloud.Does(providertest.Sequence(providertest.Answer(nonsense), providertest.Answer(answer)))
	w.start(t, cloudLane)
	j := w.submit(t, func(s *tasks.Submission) { s.Deadline = time.Now().Add(10 * time.Second) }) // too soon for local
	if j = w.end(t, j.ID); j.Degraded || len(j.Attempts) != 2 {
		t.Errorf("job: got degraded %v after %d attempts, want the second try on cloud to answer", j.Degraded, len(j.Attempts))
	}
}

// A model that is too slow for the target is left out while the cloud can make
// it. When the cloud fails, a late answer is better than a scorecard's.
func TestALaneThatWasOnlyTooSlowAnswersWhenTheOtherOneFails(t *testing.T) {
	t.Parallel()
	for _, asks := range []tasks.OnExhausted{tasks.Degrade, tasks.Wait} {
		t.Run(string(asks), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, redistest.Embedded(t))
			w.knows(t, "ollama/small", map[store.Rate]float64{store.Decode: 0.5}) // 100 tokens by the deadline, hardly any by the target
			w.knows(t, "ollama/large", map[store.Rate]float64{store.Decode: 0.01})
			w.cloud.Does(dead)
			w.start(t, bothLanes)
			j := w.submit(t, func(s *tasks.Submission) {
				s.OnExhausted, s.Deadline = asks, time.Now().Add(5*time.Minute)
			})
			j = w.end(t, j.ID)
			want := []string{"ollama/small too_slow", "ollama/large too_slow", "deepseek/chat bad_request", "ollama/small succeeded"}
			if got := outcomes(j); j.Degraded || !slices.Equal(got, want) {
				t.Errorf("degraded %v, attempts: got %v, want %v", j.Degraded, got, want)
			}
		})
	}
}

// It is given that second chance once.
func TestALaneThatIsTooSlowForTheDeadlineToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.knows(t, "ollama/small", map[store.Rate]float64{store.Decode: 0.01})
	w.knows(t, "ollama/large", map[store.Rate]float64{store.Decode: 0.01})
	w.knows(t, "deepseek/chat", map[store.Rate]float64{store.Decode: 0.01})
	w.start(t, bothLanes)
	j := w.end(t, w.submit(t).ID)
	want := []string{
		"ollama/small too_slow", "ollama/large too_slow", "deepseek/chat too_slow",
		"ollama/small too_slow", "ollama/large too_slow", "scorecard/rules succeeded",
	}
	if got := outcomes(j); !j.Degraded || !slices.Equal(got, want) {
		t.Errorf("degraded %v, attempts: got %v, want %v", j.Degraded, got, want)
	}
}

// A job that is to fail when nobody can run it, and whose data must stay here, does
// not wait for its deadline: its ticket is the scorecard's, where an attempt ends it.
func TestWhatNobodyCanRunFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.start(t, cloudLane)
	j := w.submit(t, func(s *tasks.Submission) { s.Privacy, s.OnExhausted = tasks.LocalOnly, tasks.GiveUp })
	ticket := queue.Ticket{JobID: j.ID, Lane: tasks.Scorecard, Complexity: j.Complexity} // as it is issued once the worker is no longer new
	if err := queue.NewClient(w.rdb).Enqueue(t.Context(), ticket, time.Time{}); err != nil {
		t.Fatalf("enqueue: %v", err)
	}
	if j = w.end(t, j.ID); j.State != tasks.Failed || j.Error.Code != tasks.CodeExhausted || len(j.Attempts) != 0 {
		t.Errorf("got %s, %v after %v, want %s", j.State, j.Error, outcomes(j), tasks.CodeExhausted)
	}
}
