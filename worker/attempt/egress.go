package attempt

import (
	"slices"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/egress"
	"github.com/topcentral/spillway/tasks"
)

// recorded returns candidates whose requests say for whom they are made, for the
// egress ledger. Masking must be around them: what it has replaced is counted at the
// time of the call.
func (a *attempt) recorded(candidates []providers.Candidate) []providers.Candidate {
	if a.lane != tasks.Cloud {
		return candidates
	}
	wrapped := slices.Clone(candidates)
	for i := range wrapped {
		wrapped[i].Provider = egress.Wrap(wrapped[i].Provider, a.egress)
	}
	return wrapped
}

// egress says for whom a request is made.
func (a *attempt) egress() tasks.Egress {
	e := tasks.Egress{
		Tenant: a.job.Tenant, Job: a.job.ID, Agent: a.job.Agent, Attempt: a.job.Attempt,
		Worker: a.Worker, Privacy: a.job.Privacy,
	}
	if a.mask != nil {
		e.Masked = a.mask.Counts()
	}
	return e
}
