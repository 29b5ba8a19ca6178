package agents_test

import (
	"slices"
	"testing"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

var (
	onLocal = agents.Reach{Lane: tasks.Local, Models: []string{"ollama/large", "ollama/small", "farm/qwen/large", "farm/small"}}
	onCloud = agents.Reach{Lane: tasks.Cloud, Models: []string{"other/o", "kimi/k2", "kimi/k3", "minimax/m3", "deepseek/flash"}}
)

func TestOrder(t *testing.T) {
	standIn := onLocal
	standIn.StandIn = true
	for _, test := range []struct {
		name         string
		reach        agents.Reach
		agent        tasks.Models
		job          tasks.Job
		installation agents.CloudOrder
		want         []string
	}{
		{"local: the agent's models in its order, on every server that has them", onLocal,
			tasks.Models{Local: []string{"small", "none", "large"}}, tasks.Job{}, nil, []string{"ollama/small", "farm/small", "ollama/large"}},
		{"local: nobody, when no model is the agent's", onLocal, tasks.Models{Local: []string{"none"}}, tasks.Job{}, nil, nil},
		{"local: the first stands in", standIn, tasks.Models{Local: []string{"none"}}, tasks.Job{}, nil, []string{"ollama/large"}},
		{"local: nobody stands in where there is nobody", agents.Reach{Lane: tasks.Local, StandIn: true}, tasks.Models{}, tasks.Job{}, nil, nil},

		{"cloud, extreme", onCloud, tasks.Models{}, tasks.Job{Complexity: tasks.Extreme}, nil, []string{"deepseek/flash", "minimax/m3", "kimi/k2", "other/o"}},
		{"cloud, high", onCloud, tasks.Models{}, tasks.Job{Complexity: tasks.High}, nil, []string{"kimi/k2", "deepseek/flash", "minimax/m3", "other/o"}},
		{"cloud, medium", onCloud, tasks.Models{}, tasks.Job{Complexity: tasks.Medium}, nil, []string{"minimax/m3", "deepseek/flash", "kimi/k2", "other/o"}},
		{"cloud, low", onCloud, tasks.Models{}, tasks.Job{Complexity: tasks.Low}, nil, []string{"minimax/m3", "deepseek/flash", "kimi/k2", "other/o"}},
		{"cloud: the agent's model of a provider", onCloud,
			tasks.Models{Cloud: map[string]string{"kimi": "k3", "absent": "x"}}, tasks.Job{Complexity: tasks.High}, nil,
			[]string{"kimi/k3", "deepseek/flash", "minimax/m3", "other/o"}},
		{"cloud: the installation's order first, the others as usual", onCloud,
			tasks.Models{}, tasks.Job{Complexity: tasks.High}, agents.CloudOrder{tasks.High: {"other", "minimax"}, tasks.Low: {"kimi"}},
			[]string{"other/o", "minimax/m3", "kimi/k2", "deepseek/flash"}},
		{"cloud: the agent's order before the installation's", onCloud,
			tasks.Models{Order: []string{"minimax"}}, tasks.Job{Complexity: tasks.High}, agents.CloudOrder{tasks.High: {"other"}},
			[]string{"minimax/m3", "other/o", "kimi/k2", "deepseek/flash"}},

		{"wanted by provider: with the model that suits the agent, and nobody else", onCloud,
			tasks.Models{Cloud: map[string]string{"kimi": "k3"}, Order: []string{"deepseek"}}, tasks.Job{Candidates: []string{"minimax", "kimi"}}, nil,
			[]string{"minimax/m3", "kimi/k3"}},
		{"wanted by model, which a cloud may have although it is not listed", onCloud,
			tasks.Models{}, tasks.Job{Candidates: []string{"deepseek/pro", "kimi/k2"}}, nil, []string{"deepseek/pro", "kimi/k2"}},
		{"wanted twice, asked once", onCloud, tasks.Models{}, tasks.Job{Candidates: []string{"kimi", "kimi/k2"}}, nil, []string{"kimi/k2"}},
		{"wanted, but on the other lane", onCloud, tasks.Models{}, tasks.Job{Candidates: []string{"ollama/small", "farm"}}, nil, nil},
		{"wanted by a local model's name, which may have a slash", onLocal,
			tasks.Models{}, tasks.Job{Candidates: []string{"kimi", "farm/qwen/large"}}, nil, []string{"farm/qwen/large"}},
		{"wanted, but not installed", onLocal, tasks.Models{}, tasks.Job{Candidates: []string{"ollama/none"}}, nil, nil},
		{"wanted by a local provider's name", onLocal,
			tasks.Models{Local: []string{"small"}}, tasks.Job{Candidates: []string{"farm"}}, nil, []string{"farm/small"}},
		{"wanted by a local provider's name, where another model stands in", standIn,
			tasks.Models{Local: []string{"none"}}, tasks.Job{Candidates: []string{"farm"}}, nil, []string{"farm/qwen/large"}},

		{"the scorecard is no matter of order", agents.Reach{Lane: tasks.Scorecard, Models: []string{"scorecard/rules"}}, tasks.Models{}, tasks.Job{}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := slices.Clone(test.reach.Models)
			got := agents.Order(test.reach, &tasks.Agent{Models: test.agent}, &test.job, test.installation)
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if !slices.Equal(test.reach.Models, before) {
				t.Errorf("the reach was changed to %v", test.reach.Models)
			}
		})
	}
}
