package agents

import (
	"cmp"
	"slices"
	"strings"

	"github.com/topcentral/spillway/tasks"
)

// Reach is the models that a lane can ask now.
type Reach struct {
	Lane tasks.Lane
	// Models are provider/model: of each provider the one it is asked for by
	// default first.
	Models []string
	// StandIn lets the first of Models answer where none of an agent's local
	// models is among them.
	StandIn bool
}

// CloudOrder is an installation's order of cloud providers by complexity. Those
// it does not name follow in the usual order.
type CloudOrder map[tasks.Complexity][]string

// usual is the provider that is asked first on the cloud lane; the others follow in the order
// of rest.
var (
	usual = map[tasks.Complexity]string{
		tasks.Extreme: "deepseek", tasks.High: "kimi", tasks.Medium: "minimax", tasks.Low: "minimax",
	}
	rest = []string{"deepseek", "minimax", "kimi"}
)

// Order lists the models of a lane's reach that may answer a job of an agent, as
// provider/model, in the order in which they are asked. It decides for workers
// and for the planning of what workers will do.
//
// The job's own candidates come before all else: they are asked in their order,
// and no others are. Without them it is the agent's local models, best first,
// and on the cloud lane the agent's model of each provider, or the provider's
// default: providers in the agent's order, then in the installation's, then in
// the usual one.
func Order(r Reach, agent *tasks.Agent, j *tasks.Job, installation CloudOrder) []string {
	if len(j.Candidates) == 0 {
		return r.suited(agent, j.Complexity, installation)
	}
	var found []string
	for _, wanted := range j.Candidates {
		found = append(found, r.wanted(wanted, agent, j.Complexity)...)
	}
	return unique(found)
}

// suited are those that suit an agent.
func (r Reach) suited(agent *tasks.Agent, c tasks.Complexity, installation CloudOrder) []string {
	switch r.Lane {
	case tasks.Local:
		return r.localModels(agent)
	case tasks.Cloud:
		return r.cloudModels(agent, slices.Concat(agent.Models.Order, installation[c], []string{usual[c]}, rest))
	default:
		return nil
	}
}

// wanted are those that a job asks for by the name of a provider or of a model.
// Which models a cloud has apart from those listed is not known.
func (r Reach) wanted(name string, agent *tasks.Agent, c tasks.Complexity) []string {
	provider, model, one := strings.Cut(name, "/")
	only := r
	only.Models = slices.DeleteFunc(slices.Clone(r.Models), func(m string) bool { return providerOf(m) != provider })
	switch {
	case len(only.Models) == 0:
		return nil
	case !one || model == "":
		return only.suited(agent, c, nil)
	case r.Lane == tasks.Local && !slices.Contains(r.Models, name):
		return nil
	default:
		return []string{name}
	}
}

func (r Reach) localModels(agent *tasks.Agent) []string {
	var found []string
	for _, want := range agent.Models.Local {
		for _, m := range r.Models {
			if modelOf(m) == want {
				found = append(found, m)
			}
		}
	}
	if len(found) == 0 && r.StandIn && len(r.Models) > 0 {
		return r.Models[:1:1]
	}
	return unique(found)
}

func (r Reach) cloudModels(agent *tasks.Agent, order []string) []string {
	var found []string
	for _, m := range r.Models {
		if own := agent.Models.Cloud[providerOf(m)]; own != "" {
			m = providerOf(m) + "/" + own
		}
		if !slices.ContainsFunc(found, func(f string) bool { return providerOf(f) == providerOf(m) }) {
			found = append(found, m)
		}
	}
	rank := func(m string) int {
		if i := slices.Index(order, providerOf(m)); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(found, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return found
}

func providerOf(candidate string) string {
	provider, _, _ := strings.Cut(candidate, "/")
	return provider
}

func modelOf(candidate string) string {
	_, model, _ := strings.Cut(candidate, "/")
	return model
}

// unique returns all without repetitions, in their order.
func unique(all []string) []string {
	var once []string
	for _, s := range all {
		if !slices.Contains(once, s) {
			once = append(once, s)
		}
	}
	return once
}
