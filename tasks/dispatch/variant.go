package dispatch

import "github.com/topcentral/spillway/tasks"

// assignVariant makes a job that has its ID part of its agent's experiment, if there is
// one. The variant's candidates answer unless the job names its own. A job takes no part if
// its privacy allows none of them.
func (d *Dispatcher) assignVariant(j *tasks.Job) {
	agent, ok := d.agents.Lookup(j.Agent)
	if !ok {
		return
	}
	v := agent.VariantOf(j.ID)
	if v == nil {
		return
	}
	if len(j.Candidates) == 0 && len(v.Candidates) > 0 {
		with := *j
		with.Candidates = v.Candidates
		with.Lanes = d.lanes(agent, &with)
		if len(modelLanes(with.Lanes)) == 0 && len(modelLanes(j.Lanes)) > 0 {
			return
		}
		*j = with
	}
	j.Variant = v.Name
}
