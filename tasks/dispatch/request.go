package dispatch

import (
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/equal"
	"github.com/topcentral/spillway/tasks/store"
)

// request is a submission, with its input read once for all that want it.
type request struct {
	*tasks.Submission

	same    equal.CanonicalJSON // the input; as it came, if it is no JSON
	decoded any                 // the decoded input
	err     error               // why the input is no JSON
}

func read(s *tasks.Submission) *request {
	r := &request{Submission: s}
	if r.same, r.decoded, r.err = equal.Canonical(s.Input); r.err != nil {
		r.same = equal.CanonicalJSON(s.Input)
	}
	return r
}

// inputFaults lists what an agent refuses about the input. It can be asked once.
func (r *request) inputFaults(agent *agents.Agent) []tasks.Fault {
	if r.err != nil {
		return agent.CheckInput(r.Input)
	}
	return agent.CheckDecoded(r.decoded)
}

// idempotency returns the submission's key and the fingerprint of the rest, in
// which neither the order of members nor white space makes a request another one.
func (r *request) idempotency() (store.Idempotency, error) {
	if r.IdempotencyKey == "" {
		return store.Idempotency{}, nil
	}
	around := *r.Submission
	around.Input = nil
	digest, err := equal.Fingerprint(r.same, &around)
	return store.Idempotency{Key: r.IdempotencyKey, Fingerprint: digest}, err
}
