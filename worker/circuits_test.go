package worker

import (
	"context"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

// fakeCircuits are circuit breakers that only note what is asked of them.
type fakeCircuits struct {
	open  []tasks.Circuit
	reset chan string
}

func (f *fakeCircuits) Open() []tasks.Circuit                    { return f.open }
func (f *fakeCircuits) Reset(_ context.Context, provider string) { f.reset <- provider }

func TestHeartbeatsListOpenCircuits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	want := tasks.Circuit{Provider: "deepseek", Model: "chat", Reason: "quota_dead", Since: time.Unix(1, 0).UTC(), RetryAt: time.Unix(601, 0).UTC()}
	w.circuits.open = []tasks.Circuit{want}
	w.start(t, []tasks.Lane{tasks.Cloud})
	workers, err := w.store.Workers(t.Context())
	if err != nil || len(workers) != 1 || len(workers[0].Circuits) != 1 || workers[0].Circuits[0] != want {
		t.Errorf("got %+v, %v, want %+v", workers, err, want)
	}
}

// A reset reaches a worker once; one from before it started does not.
func TestAWorkerHeedsResets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	one := w.worker(t, testAgents(t), defaults())
	reset := func(provider string) {
		t.Helper()
		if err := w.store.ResetProvider(t.Context(), provider); err != nil {
			t.Fatal(err)
		}
	}
	heed := func() (heeded []string) {
		t.Helper()
		if err := one.applyResets(t.Context()); err != nil {
			t.Fatal(err)
		}
		for len(w.circuits.reset) > 0 {
			heeded = append(heeded, <-w.circuits.reset)
		}
		return heeded
	}
	reset("kimi")
	one.readResets(t.Context())
	if got := heed(); got != nil {
		t.Errorf("at the start: got %v, want none", got)
	}
	reset("deepseek")
	if got := heed(); len(got) != 1 || got[0] != "deepseek" {
		t.Errorf("after a reset: got %v", got)
	}
	if got := heed(); got != nil {
		t.Errorf("again: got %v, want none", got)
	}
	reset("deepseek")
	if got := heed(); len(got) != 1 {
		t.Errorf("after another reset of the same provider: got %v", got)
	}

	// One that comes between the worker's start and its first look is not old.
	one.readResets(t.Context())
	reset("kimi")
	if got := heed(); len(got) != 1 || got[0] != "kimi" {
		t.Errorf("a reset just after the start: got %v", got)
	}

	// A worker that could not read them at its start applies those that are kept.
	ended, end := context.WithCancel(t.Context())
	end()
	one.readResets(ended)
	if got := heed(); len(got) != 2 {
		t.Errorf("without a look at the start: got %v, want both", got)
	}
}
