package worker

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
)

// A model server that is still loading when the worker starts is asked when it
// has come: the jobs that name it have time.
func TestACandidateThatWasNeverReachedHasTimeToCome(t *testing.T) {
	t.Parallel()
	for _, asks := range []tasks.OnExhausted{tasks.Degrade, tasks.GiveUp, tasks.Wait} {
		t.Run(string(asks), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, redistest.Embedded(t))
			w.local.SetModels(providers.Errorf(providers.ClassTransport, "connection refused"))
			w.start(t, bothLanes, func(c *Config) { c.Refresh = time.Second })
			named := w.submit(t, func(s *tasks.Submission) {
				s.OnExhausted, s.Candidates = asks, []string{"ollama/small"}
				s.Deadline = time.Now().Add(time.Minute)
			})
			time.AfterFunc(3*time.Second, func() { w.local.SetModels(nil, "small", "large") })
			j := w.end(t, named.ID)
			if j.State != tasks.Succeeded || j.Degraded || j.Lane != tasks.Local {
				t.Errorf("%s on %s, degraded %v: %v, %v", j.State, j.Lane, j.Degraded, outcomes(j), j.Error)
			}
		})
	}
}

// A model server that was there and is lost has the same time, whether the job comes
// after the loss or was the first to notice it.
func TestACandidateThatWasLostHasTimeToComeBack(t *testing.T) {
	t.Parallel()
	for _, asks := range []tasks.OnExhausted{tasks.Degrade, tasks.GiveUp, tasks.Wait} {
		for _, noticed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, loss noticed before: %v", asks, noticed), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, redistest.Embedded(t))
				w.start(t, bothLanes, func(c *Config) { c.Refresh = 500 * time.Millisecond })
				if first := w.end(t, w.submit(t).ID); first.Lane != tasks.Local {
					t.Fatalf("the server is not reached at first: %v", outcomes(first))
				}
				lost := providers.Errorf(providers.ClassTransport, "connection refused")
				w.local.Does(providertest.Fail(lost))
				if noticed {
					w.local.SetModels(lost)
					w.awaitServed(t, false)
				}
				named := w.submit(t, func(s *tasks.Submission) {
					s.OnExhausted, s.Candidates, s.Cache = asks, []string{"ollama/small"}, tasks.CacheBypassed
					s.Deadline = time.Now().Add(time.Minute)
				})
				w.local.SetModels(lost)
				time.AfterFunc(3*time.Second, func() {
					w.local.Does(providertest.Answer(answer))
					w.local.SetModels(nil, "small", "large")
				})
				j := w.end(t, named.ID)
				if j.State != tasks.Succeeded || j.Degraded || j.Lane != tasks.Local {
					t.Errorf("%s on %s, degraded %v: %v, %v", j.State, j.Lane, j.Degraded, outcomes(j), j.Error)
				}
			})
		}
	}
}

// When nobody was asked, the error says so, and the attempts say why.
func TestACandidateThatCannotBeReachedIsOnRecord(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, candidate, cause string }{
		{"a closed port", "ollama/small", "connection refused"},
		{"a provider that nobody has set up", "farm", "no provider of this name"},
		{"a model that the server does not have", "deepseek2/none", "no model of this name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, redistest.Embedded(t))
			if c.candidate == "deepseek2/none" {
				w.local = providertest.NewFake("deepseek2", "small")
			} else {
				w.local.SetModels(providers.Errorf(providers.ClassTransport, "connection refused"))
			}
			w.start(t, bothLanes)
			j := w.submit(t, func(s *tasks.Submission) {
				s.OnExhausted, s.Candidates, s.Deadline = tasks.GiveUp, []string{c.candidate}, time.Now().Add(3*time.Second)
				s.Privacy = tasks.LocalOnly
			})
			j = w.end(t, j.ID)
			i := slices.IndexFunc(j.Attempts, func(a tasks.Attempt) bool {
				return a.Candidate == c.candidate && a.Outcome == tasks.OutcomeUnreachable && strings.Contains(a.Message, c.cause)
			})
			if i < 0 || j.State != tasks.Failed || strings.Contains(j.Error.Message, "every candidate") {
				t.Errorf("%s with %v, attempts %+v", j.State, j.Error, j.Attempts)
			}
		})
	}
}

// A call that was cut by a cancel names its model.
func TestACanceledCallNamesItsModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	hung, asked, ended := hangs()
	w.local.Does(hung)
	stop := w.start(t, localLane)
	j := w.submit(t)
	wait(t, asked)
	if _, err := w.store.Cancel(t.Context(), tenant, j.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, ended)
	stop() // by then it has written down what there is
	j, err := w.store.Job(t.Context(), tenant, j.ID)
	if err != nil || j.State != tasks.Canceled || !slices.Equal(outcomes(j), []string{"ollama/small canceled"}) {
		t.Errorf("%v: %v, %v", j.State, outcomes(j), err)
	}
}
