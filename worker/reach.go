package worker

import (
	"cmp"
	"slices"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// Reach returns whom a lane can ask, as of the last look: every local model that
// writes text, a server's preferred one first and then its largest, and the
// default of every cloud that answers, followed by those of its models that
// agents name. It is not to be changed.
func (f *Fleet) Reach(lane tasks.Lane) agents.Reach {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.reach[lane]
}

func (f *Fleet) look(lane tasks.Lane) agents.Reach {
	r := agents.Reach{Lane: lane}
	switch lane {
	case tasks.Local:
		r.StandIn = f.standIn
		for _, p := range f.local {
			for _, m := range writers(f.reachable[p.Name()], f.prefer[p.Name()]) {
				r.Models = append(r.Models, p.Name()+"/"+m.Name)
			}
		}
	case tasks.Cloud:
		for _, p := range f.cloud {
			if f.reachable[p.Name()] == nil {
				continue
			}
			for _, m := range f.modelsOf(p) {
				r.Models = append(r.Models, p.Name()+"/"+m)
			}
		}
	case tasks.Scorecard: // needs no model
	}
	return r
}

// writers are the models that write text: the one of that name first, then the
// largest.
func writers(models []providers.Model, first string) []providers.Model {
	found := slices.DeleteFunc(slices.Clone(models), func(m providers.Model) bool { return m.Embedding })
	slices.SortFunc(found, func(a, b providers.Model) int {
		switch first {
		case a.Name:
			return -1
		case b.Name:
			return 1
		}
		return cmp.Or(-cmp.Compare(a.Parameters, b.Parameters), cmp.Compare(a.Name, b.Name))
	})
	return found
}

// modelsOf are the models that a cloud is asked for: its default, and those that
// agents name. Those that it has beside them may be hundreds.
func (f *Fleet) modelsOf(p CloudProvider) []string {
	var named []string
	for _, a := range f.agents.All() {
		if m := a.Models.Cloud[p.Name()]; m != "" && m != p.Model {
			named = append(named, m)
		}
	}
	slices.Sort(named)
	return append([]string{p.Model}, slices.Compact(named)...)
}

// Complexities lists the complexities for which a candidate can be reached on a
// lane, those of the shortest jobs first.
func (f *Fleet) Complexities(lane tasks.Lane) []tasks.Complexity {
	return slices.DeleteFunc(tasks.Complexities(), func(c tasks.Complexity) bool { return !f.canServe(lane, c) })
}

// canServe reports whether some agent, or a variant of one, has a candidate for
// jobs of this complexity on this lane. A complexity that no agent has by itself
// may still be asked for, of any agent.
func (f *Fleet) canServe(lane tasks.Lane, c tasks.Complexity) bool {
	all := f.agents.All()
	own := slices.DeleteFunc(slices.Clone(all), func(a *agents.Agent) bool { return a.Complexity != c })
	if len(own) == 0 {
		own = all
	}
	return slices.ContainsFunc(own, func(a *agents.Agent) bool {
		return f.serves(lane, a, &tasks.Job{Complexity: c}) || slices.ContainsFunc(a.Variants, func(v tasks.Variant) bool {
			return f.serves(lane, a, &tasks.Job{Complexity: c, Candidates: v.Candidates})
		})
	})
}

func (f *Fleet) serves(lane tasks.Lane, a *agents.Agent, j *tasks.Job) bool {
	return len(f.Candidates(lane, a, j)) > 0
}
