package tasks

import "slices"

// State is the state of a job in its life cycle. The values cross the wire and are
// never reused for another meaning.
type State string

// The states of a job, in the order a job usually passes through them.
const (
	Scheduled State = "scheduled" // waits for its run-at time
	Queued    State = "queued"    // may be claimed by any worker that holds a ticket
	Running   State = "running"   // claimed by one worker, under a lease
	Succeeded State = "succeeded" // has a result, perhaps a degraded one
	Failed    State = "failed"    // has an error
	Canceled  State = "canceled"  // ended by its owner
)

// States lists every state.
func States() []State {
	return []State{Scheduled, Queued, Running, Succeeded, Failed, Canceled}
}

// transitions is the diagram in the package comment.
var transitions = map[State][]State{
	Scheduled: {Queued, Canceled},
	Queued:    {Running, Succeeded, Canceled}, // succeeded: with the result of an equal job
	Running:   {Queued, Succeeded, Failed, Canceled},
	Failed:    {Queued},
	Canceled:  {Queued},
}

// Terminal reports whether a run of the job has ended in this state.
func (s State) Terminal() bool {
	return s == Succeeded || s == Failed || s == Canceled
}

// CanBecome reports whether the state machine has an arrow from s to next.
func (s State) CanBecome(next State) bool {
	return slices.Contains(transitions[s], next)
}
