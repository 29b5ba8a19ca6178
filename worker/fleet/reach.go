package fleet

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// Reach returns the models that a lane can ask, as of the last Update: every local model that
// writes text, a server's preferred one first and then its largest, and the
// default of every cloud that answers, followed by those of its models that
// agents name. It is not to be changed.
func (f *Fleet) Reach(lane tasks.Lane) agents.Reach {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.reach[lane]
}

func (f *Fleet) reachOf(lane tasks.Lane) agents.Reach {
	r := agents.Reach{Lane: lane}
	switch lane {
	case tasks.Local:
		r.StandIn = f.standIn
		for _, p := range f.local {
			for _, m := range writers(f.known[p.Name()].models, f.prefer[p.Name()]) {
				r.Models = append(r.Models, p.Name()+"/"+m.Name)
			}
		}
	case tasks.Cloud:
		for _, p := range f.cloud {
			if f.known[p.Name()].models == nil {
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

// canServe reports whether an agent, or a variant of one, has a candidate for
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

// startsFor is how long after its first probe a worker assumes that a server that
// does not answer in time is starting.
const startsFor = 2 * time.Minute

// Awaited lists the providers that cannot be reached now, sorted by lane.
func (f *Fleet) Awaited() []tasks.Awaited {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var all []tasks.Awaited
	add := func(lane tasks.Lane, name string) {
		if s := f.known[name]; s.models == nil && s.cause != nil {
			starting := !s.reached && providers.ClassOf(s.cause) == providers.ClassTimeout && time.Since(f.since) < startsFor
			all = append(all, tasks.Awaited{
				Lane: lane, Provider: name, Starting: starting, Lost: s.reached, Reason: string(providers.ClassOf(s.cause)), Since: s.failing,
				Configured: name != f.usual,
			})
		}
	}
	for _, p := range f.local {
		add(tasks.Local, p.Name())
	}
	for _, p := range f.cloud {
		add(tasks.Cloud, p.Name())
	}
	return all
}

// Unreachable returns why a candidate that a job names cannot be asked on a lane, and
// whether that may change; nil if it can be asked.
func (f *Fleet) Unreachable(lane tasks.Lane, candidate string) (cause error, passes bool) {
	name, model, _ := strings.Cut(candidate, "/")
	here := f.LaneOf(candidate, "") == lane
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch {
	case !here:
		return errors.New("no provider of this name is configured on this worker"), false
	case f.modelsAt(name) == nil:
		return cmp.Or(f.known[name].cause, errors.New("its models have not been listed yet")), true
	case lane == tasks.Local && model != "" && !slices.ContainsFunc(f.modelsAt(name), func(m providers.Model) bool { return m.Name == model }):
		return errors.New("the server has no model of this name"), false
	}
	return nil, false
}

// LaneOf returns the lane of a candidate; other if no provider here has its name.
func (f *Fleet) LaneOf(candidate string, other tasks.Lane) tasks.Lane {
	name, _, _ := strings.Cut(candidate, "/")
	switch {
	case slices.ContainsFunc(f.local, func(p providers.Provider) bool { return p.Name() == name }):
		return tasks.Local
	case slices.ContainsFunc(f.cloud, func(p CloudProvider) bool { return p.Name() == name }):
		return tasks.Cloud
	}
	return other
}
