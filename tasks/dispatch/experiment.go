package dispatch

import "github.com/topcentral/spillway/tasks"

// deal makes a job that has its ID part of its agent's experiment, if there is
// one. Who may answer is the variant's to say where the caller has not.
func (d *Dispatcher) deal(j *tasks.Job) {
	agent, ok := d.agents.Lookup(j.Agent)
	if !ok {
		return
	}
	v := agent.Deal(j.ID)
	if v == nil {
		return
	}
	j.Variant = v.Name
	if len(j.Candidates) > 0 || len(v.Candidates) == 0 {
		return
	}
	j.Candidates = v.Candidates
	if lanes := d.lanes(agent, j); len(lanes) > 0 {
		j.Lanes = lanes
	}
}
