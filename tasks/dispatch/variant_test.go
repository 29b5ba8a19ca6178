package dispatch

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// experimenting is a catalogue in which T1 compares two ways to answer.
func experimenting(t *testing.T) *agents.Catalogue {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "t1_open"), os.DirFS("testdata/agents/t1_open")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "t1_open", "agent.yaml")
	def, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	def = append(def, "\nvariants:\n  - {name: plain, weight: 1}\n  - {name: other, weight: 1, candidates: [kimi]}\n"...)
	if err := os.WriteFile(file, def, 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := agents.Open(dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestJobsAreDealtToVariants(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := store.New(rdb, store.DefaultConfig())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	all := experimenting(t)
	d := New(s, queue.NewClient(rdb), all, Config{}, quiet)
	agent, _ := all.Lookup(open)
	assigned := map[string]int{}
	for i := range 40 {
		sub := &tasks.Submission{Agent: open, Input: json.RawMessage(`{"kind":"good"}`)}
		if i%2 == 1 {
			sub.Candidates = []string{"deepseek"}
		}
		j, _, err := d.Submit(t.Context(), "acme", sub)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := s.Job(t.Context(), "acme", j.ID)
		if err != nil || kept.Variant != agent.VariantOf(j.ID).Name {
			t.Fatalf("the job belongs to %q, %v; want %q", kept.Variant, err, agent.VariantOf(j.ID).Name)
		}
		want := sub.Candidates
		if want == nil && kept.Variant == "other" {
			want = []string{"kimi"}
		}
		if !slices.Equal(kept.Candidates, want) {
			t.Errorf("a job of %s that asks for %v has %v, want %v", kept.Variant, strings.Join(sub.Candidates, " "), kept.Candidates, want)
		}
		assigned[kept.Variant]++
	}
	if len(assigned) != 2 {
		t.Errorf("all are assigned alike: %v", assigned)
	}
}

// A job that may not leave takes no part in what only a cloud could do for it: it
// runs on its own machine, as without an experiment.
func TestAJobThatMayNotLeaveIsNotDealtToACloud(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := store.New(rdb, store.DefaultConfig())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	cfg := Config{LaneOf: func(string) tasks.Lane { return tasks.Cloud }}
	d := New(s, queue.NewClient(rdb), experimenting(t), cfg, quiet)
	assigned := map[string]int{}
	for range 40 {
		j, _, err := d.Submit(t.Context(), "acme", &tasks.Submission{Agent: open, Input: json.RawMessage(`{"kind":"good"}`), Privacy: tasks.LocalOnly})
		if err != nil {
			t.Fatal(err)
		}
		assigned[j.Variant]++
		if !slices.Contains(j.Lanes, tasks.Local) || len(j.Candidates) > 0 || slices.Contains(j.Lanes, tasks.Cloud) {
			t.Fatalf("the job of %q has lanes %v and candidates %v", j.Variant, j.Lanes, j.Candidates)
		}
	}
	if assigned["plain"] == 0 || assigned[""] == 0 || assigned["other"] > 0 {
		t.Errorf("assigned %v", assigned)
	}
}
