package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// OutcomeUnavailable is what tenants see of a call that failed for the state of
// the installation's account with a provider.
const OutcomeUnavailable = "unavailable"

// publicOutcomes are the outcomes that tenants see under another name: what they
// say is the operator's business.
var publicOutcomes = map[string]string{
	OutcomeQuotaDead: OutcomeUnavailable,
	OutcomeAuthDead:  OutcomeUnavailable,
}

// publicMessages say what an outcome means, without a server's own words, which
// may name addresses, accounts and budgets.
var publicMessages = map[string]string{
	OutcomeUnavailable:     "the provider cannot be used at present",
	OutcomeWorkerLost:      "the worker was lost; the job went to another",
	OutcomeCanceled:        "the call was ended",
	OutcomeBreakerOpen:     "the model has failed too often just now",
	OutcomeLimitReached:    "the provider's limits leave no room now",
	OutcomeBudgetSpent:     "a budget has no money left for it",
	OutcomeNotMasked:       "masking left a doubt, so nothing was sent",
	OutcomeNotRecorded:     "the call could not be recorded, so nothing was sent",
	OutcomeUnreachable:     "it could not be reached",
	OutcomeRateLimited:     "the provider has had too many requests",
	OutcomeOverloaded:      "the provider has no room just now",
	OutcomeBadRequest:      "the provider does not accept this request",
	OutcomeContextOverflow: "the prompt does not fit into the model's context",
	OutcomeContentBlocked:  "the provider's filter refused the prompt or the answer",
	OutcomeServer:          "the provider failed",
	OutcomeTimeout:         "no answer came in time",
	OutcomeTransport:       "the provider could not be reached, or the connection broke",
}

// itsOwnWords are the outcomes whose message is about the job alone: what
// was wrong with the model's answer, and the time that it would have needed.
var itsOwnWords = map[string]bool{OutcomeBadOutput: true, OutcomeTooSlow: true}

// Public returns the job as its tenant may see it: without the hosts of workers,
// what servers said, and the state of the installation's accounts. It shares with
// j what is not different.
func (j *Job) Public() *Job {
	public := *j
	if j.Attempts != nil {
		public.Attempts = make([]Attempt, len(j.Attempts))
	}
	for i, a := range j.Attempts {
		public.Attempts[i] = a.public()
	}
	return &public
}

func (a Attempt) public() Attempt {
	a.Worker = publicWorker(a.Worker)
	a.Outcome = publicOutcome(a.Outcome)
	if !itsOwnWords[a.Outcome] {
		a.Message = publicMessages[a.Outcome]
	}
	a.RetryAt, a.BudgetLeft, a.Breaker = time.Time{}, nil, ""
	return a
}

func publicOutcome(outcome string) string {
	if public, ok := publicOutcomes[outcome]; ok {
		return public
	}
	return outcome
}

// publicWorker returns a name for a worker that distinguishes workers, and reveals nothing
// of where they run.
func publicWorker(id string) string {
	if id == "" {
		return ""
	}
	digest := sha256.Sum256([]byte(id))
	return "worker-" + hex.EncodeToString(digest[:4])
}

// Public returns the event as the job's tenant may see it.
func (e Event) Public() Event {
	var change func(map[string]json.RawMessage)
	switch e.Type {
	case EventRunning:
		change = func(data map[string]json.RawMessage) { rename(data, "worker", publicWorker) }
	case EventProgress:
		change = func(data map[string]json.RawMessage) { rename(data, "outcome", publicOutcome) }
	default:
		return e
	}
	var data map[string]json.RawMessage
	if json.Unmarshal(e.Data, &data) != nil {
		return e
	}
	change(data)
	if public, err := json.Marshal(data); err == nil {
		e.Data = public
	}
	return e
}

// rename changes a text in the data of an event, if it is there.
func rename(data map[string]json.RawMessage, name string, change func(string) string) {
	var text string
	if json.Unmarshal(data[name], &text) != nil {
		return
	}
	if changed, err := json.Marshal(change(text)); err == nil {
		data[name] = changed
	}
}
