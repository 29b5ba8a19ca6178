// Package tasks is the vocabulary that every other part of Spillway speaks:
// agents, jobs, their states, the events they leave behind, the lanes they run
// on and the errors they end with. It holds no behaviour beyond the rules that
// belong to the words themselves, and imports nothing else of this module.
//
// # Life of a job
//
//	            ┌────────────── retry (by a person) ──────────────┐
//	            ▼                                                 │
//	scheduled → queued ──claim──▶ running ──complete──▶ succeeded │
//	    │       ▲  │                │ │                           │
//	    │       │  │                │ └──────fail─────▶ failed ───┤
//	    │       └──┼──release/lease─┘                             │
//	    │          │   expired      └──cancel──┐                  │
//	    └──────────┴────────cancel─────────────┴─────▶ canceled ──┘
//
// A job that waits for the result of an equal one goes from queued to succeeded
// when that one has it, and one whose answer is known at once begins there.
//
// Exactly one terminal state is reached per run of a job; a retry starts a new
// run of the same job. The table behind [State.CanBecome] is this diagram.
//
// # Words
//
// An agent is a kind of analysis. A job is one run of an agent on one input,
// for one tenant. A lane is where a job can run. A ticket is a chance to run a
// job on a lane. An attempt is one claim of a job by one worker, and its number
// is the fence: a write that carries an older number is refused. A candidate is
// one provider and model that may answer. A scorecard is an agent's
// deterministic rules, the answer of last resort.
package tasks
