package fleet

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

var (
	quiet     = slog.New(slog.DiscardHandler)
	catalogue = sync.OnceValues(func() (*agents.Catalogue, error) { return agents.Open("../testdata/agents", quiet) })
)

func testAgents(t *testing.T) *agents.Catalogue {
	t.Helper()
	all, err := catalogue()
	if err != nil {
		t.Fatalf("load agents: %v", err)
	}
	return all
}

// models is a provider that only knows its models.
type models struct {
	*providertest.Fake
	all []providers.Model
}

func (m models) Models(context.Context) ([]providers.Model, error) { return m.all, nil }

func named(candidates []providers.Candidate) []string {
	var all []string
	for _, c := range candidates {
		all = append(all, c.String())
	}
	return all
}

func t1(t *testing.T) *agents.Agent {
	t.Helper()
	a, ok := testAgents(t).Lookup("T1")
	if !ok {
		t.Fatal("there is no agent T1")
	}
	return a
}

func TestLocalCandidates(t *testing.T) {
	writer := func(name string, parameters int64) providers.Model {
		return providers.Model{Name: name, Parameters: parameters}
	}
	for _, test := range []struct {
		name      string
		installed []providers.Model
		standIn   bool
		want      []string
	}{
		{"the agent's models in its order",
			[]providers.Model{writer("large", 32), writer("small", 7), writer("other", 70)}, false, []string{"ollama/small", "ollama/large"}},
		{"only what is installed",
			[]providers.Model{writer("large", 32)}, false, []string{"ollama/large"}},
		{"no stand-in where the agent's own is there",
			[]providers.Model{writer("large", 32), writer("other", 70)}, true, []string{"ollama/large"}},
		{"the largest one stands in",
			[]providers.Model{writer("tiny", 1), writer("other", 70), writer("mid", 14)}, true, []string{"ollama/other"}},
		{"of equals, the first by name",
			[]providers.Model{writer("b", 0), writer("a", 0)}, true, []string{"ollama/a"}},
		{"no model of vectors stands in",
			[]providers.Model{{Name: "embed", Parameters: 99, Embedding: true}}, true, nil},
		{"nobody stands in unless allowed",
			[]providers.Model{writer("other", 70)}, false, nil},
		{"nothing installed", nil, true, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			ollama := models{providertest.NewFake("ollama"), test.installed}
			f := New(Config{Local: []providers.Provider{ollama}, StandIn: test.standIn}, testAgents(t), quiet)
			f.Refresh(t.Context())
			if got := named(f.Candidates(tasks.Local, t1(t), &tasks.Job{Complexity: tasks.Medium})); !slices.Equal(got, test.want) {
				t.Errorf("candidates: got %v, want %v", got, test.want)
			}
		})
	}
}

func TestTheCloudIsAskedByComplexity(t *testing.T) {
	var clouds []CloudProvider
	for _, name := range []string{"other", "minimax", "kimi", "deepseek"} {
		clouds = append(clouds, CloudProvider{Provider: providertest.NewFake(name, "m"), Model: "m"})
	}
	f := New(Config{Cloud: clouds}, testAgents(t), quiet)
	f.Refresh(t.Context())
	for c, want := range map[tasks.Complexity][]string{
		tasks.Extreme: {"deepseek/m", "minimax/m", "kimi/m", "other/m"},
		tasks.High:    {"kimi/m", "deepseek/m", "minimax/m", "other/m"},
		tasks.Medium:  {"minimax/m", "deepseek/m", "kimi/m", "other/m"},
		tasks.Low:     {"minimax/m", "deepseek/m", "kimi/m", "other/m"},
	} {
		if got := named(f.Candidates(tasks.Cloud, t1(t), &tasks.Job{Complexity: c})); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", c, got, want)
		}
	}
}

func TestACloudIsAskedForItsModelOrTheAgents(t *testing.T) {
	kimi := providertest.NewFake("kimi", "k2")
	f := New(Config{Cloud: []CloudProvider{{Provider: kimi, Model: "k2"}}}, testAgents(t), quiet)
	f.Refresh(t.Context())
	own := *t1(t)
	own.Models.Cloud = map[string]string{"kimi": "k3"}
	for want, agent := range map[string]*agents.Agent{"kimi/k2": t1(t), "kimi/k3": &own} {
		if got := named(f.Candidates(tasks.Cloud, agent, &tasks.Job{Complexity: tasks.High})); !slices.Equal(got, []string{want}) {
			t.Errorf("candidates: got %v, want %s", got, want)
		}
	}
}

func TestALaneServesOnlyWhatItsModelsCanAnswer(t *testing.T) {
	ollama := providertest.NewFake("ollama", "small") // of T1, which is medium, and of no other agent
	f := New(Config{Local: []providers.Provider{ollama}}, testAgents(t), quiet)
	f.Refresh(t.Context())
	served := f.Complexities(tasks.Local)
	if !slices.Contains(served, tasks.Medium) || slices.Contains(served, tasks.High) {
		t.Errorf("complexities: got %v, want medium and not high", served)
	}
	if got, want := f.Reach(tasks.Local).Models, []string{"ollama/small"}; !slices.Equal(got, want) {
		t.Errorf("models: got %v, want %v", got, want)
	}
	if got := f.Complexities(tasks.Cloud); len(got) > 0 {
		t.Errorf("complexities in the cloud without a cloud: got %v", got)
	}
}

func TestAJobsOwnCandidatesAreAskedOnTheirLane(t *testing.T) {
	ollama := models{providertest.NewFake("ollama"), []providers.Model{{Name: "small"}, {Name: "other"}}}
	f := New(Config{
		Local:  []providers.Provider{ollama},
		Cloud:  []CloudProvider{{Provider: providertest.NewFake("kimi", "k2"), Model: "k2"}, {Provider: providertest.NewFake("minimax", "m3"), Model: "m3"}},
		Bounds: func(provider, model string) (context, thinking int) { return len(provider) + len(model), len(model) },
	}, testAgents(t), quiet)
	f.Refresh(t.Context())
	job := &tasks.Job{Complexity: tasks.Low, Candidates: []string{"kimi", "ollama/other", "nobody"}}
	for lane, want := range map[tasks.Lane][]string{tasks.Local: {"ollama/other"}, tasks.Cloud: {"kimi/k2"}} {
		got := f.Candidates(lane, t1(t), job)
		if !slices.Equal(named(got), want) {
			t.Fatalf("%s: got %v, want %v", lane, named(got), want)
		}
		if c := got[0]; c.Context != len(c.String())-1 || c.Thinking != len(c.Model) {
			t.Errorf("%s: its context is %d, of which %d are for thinking", c, c.Context, c.Thinking)
		}
	}
}

func TestTheInstallationsOrder(t *testing.T) {
	f := New(Config{
		Cloud: []CloudProvider{{Provider: providertest.NewFake("minimax", "m"), Model: "m"}, {Provider: providertest.NewFake("kimi", "m"), Model: "m"}},
		Order: agents.CloudOrder{tasks.Low: {"kimi"}},
	}, testAgents(t), quiet)
	f.Refresh(t.Context())
	for c, want := range map[tasks.Complexity]string{tasks.Low: "kimi/m", tasks.Medium: "minimax/m"} {
		if got := named(f.Candidates(tasks.Cloud, t1(t), &tasks.Job{Complexity: c}))[0]; got != want {
			t.Errorf("%s: first is %s, want %s", c, got, want)
		}
	}
}

func TestTheReachOfALane(t *testing.T) {
	ollama := models{providertest.NewFake("ollama"), []providers.Model{{Name: "b", Parameters: 7}, {Name: "embed", Embedding: true}, {Name: "a", Parameters: 70}}}
	f := New(Config{
		Local:  []providers.Provider{ollama, models{providertest.NewFake("farm"), []providers.Model{{Name: "x/y"}, {Name: "x/z"}}}},
		Prefer: map[string]string{"farm": "x/z"},
		Cloud:  []CloudProvider{{Provider: providertest.NewFake("kimi", "k1", "k2", "k3"), Model: "k2"}}, StandIn: true,
	}, testAgents(t), quiet)
	if got := f.Reach(tasks.Local).Models; len(got) > 0 {
		t.Errorf("before the first look: got %v", got)
	}
	f.Refresh(t.Context())
	if got, want := f.Reach(tasks.Local), []string{"ollama/a", "ollama/b", "farm/x/z", "farm/x/y"}; !got.StandIn || !slices.Equal(got.Models, want) {
		t.Errorf("local: got %+v, want %v, the first of which stands in", got, want)
	}
	if got, want := f.Reach(tasks.Cloud), []string{"kimi/k2"}; got.StandIn || !slices.Equal(got.Models, want) {
		t.Errorf("cloud: got %+v, want the default alone: %v", got, want)
	}
}
