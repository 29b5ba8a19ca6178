package dispatch

import "github.com/topcentral/spillway/tasks"

// deal makes a job that has its ID part of its agent's experiment, if there is
// one. Who may answer is the variant's to say where the caller has not. A job takes
// no part when its privacy leaves none of those whom its variant names.
func (d *Dispatcher) deal(j *tasks.Job) {
	agent, ok := d.agents.Lookup(j.Agent)
	if !ok {
		return
	}
	v := agent.Deal(j.ID)
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
