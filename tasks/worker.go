package tasks

import "time"

// Worker is one worker process, by its last heartbeat.
type Worker struct {
	ID     string        `json:"id"` // host, process and a random part
	Serves []LaneService `json:"serves"`
	Awaits []Awaited     `json:"awaits,omitempty"` // providers that it cannot reach now
	Host   *Host         `json:"host,omitempty"`   // its machine; nil: not measured
	// Agents are the agents it has, ID → version; nil: it is of a version that does
	// not say.
	Agents      map[string]string `json:"agents,omitzero"`
	AgentFaults []AgentFault      `json:"agent_faults,omitempty"` // folders that it refuses
	Circuits    []Circuit         `json:"circuits,omitempty"`     // candidates that it leaves alone for now
	Leaving     bool              `json:"leaving,omitempty"`      // it has stopped taking tickets, and may be back under another ID
	StartedAt   time.Time         `json:"started_at"`
	SeenAt      time.Time         `json:"seen_at"`
}

// HasAgent reports whether the worker has the agent of that ID, or does not say
// which agents it has.
func (w *Worker) HasAgent(id string) bool {
	_, ok := w.Agents[id]
	return ok || w.Agents == nil
}

// Circuit is a candidate that a worker leaves alone, since it failed or asked for
// it.
type Circuit struct {
	Provider string    `json:"provider"`
	Model    string    `json:"model"`
	Reason   string    `json:"reason"`            // the class of the failure
	Since    time.Time `json:"since"`             // when it was first left alone
	RetryAt  time.Time `json:"retry_at,omitzero"` // when it is asked again; zero: one call is trying it now
}

// AgentFault is an agent's folder that a process refuses.
type AgentFault struct {
	Agent  string    `json:"agent,omitempty"` // the ID that its name begins with
	Source string    `json:"source"`          // its path, or where else it is from
	Detail string    `json:"detail"`          // all that is wrong with it, a line each
	Since  time.Time `json:"since"`
	Kept   string    `json:"kept,omitempty"` // the last good version, which stays in use; "": the agent is not there
}

// Awaited is a provider that a worker is to ask and cannot reach now: it has never
// answered, or no longer does.
type Awaited struct {
	Lane     Lane   `json:"lane"`
	Provider string `json:"provider"`
	Starting bool   `json:"starting,omitempty"` // it seems to be loading: it takes connections, and the worker has not tried for long

	Lost       bool      `json:"lost,omitempty"`       // it has answered this worker before
	Configured bool      `json:"configured,omitempty"` // the worker's settings name it
	Reason     string    `json:"reason,omitempty"`     // the class of the failure; "": the worker is of a version that does not say
	Since      time.Time `json:"since,omitzero"`       // of the first probe without an answer
}

// Host is the load of a worker's machine, as shares from 0 to 1.
type Host struct {
	CPU    float64 `json:"cpu"`
	Memory float64 `json:"memory"`
	Full   bool    `json:"full,omitempty"` // above its limits, so that it takes no local job
}

// LaneService is what a worker does for one lane.
type LaneService struct {
	Lane    Lane     `json:"lane"`
	Queues  []string `json:"queues"`             // what it takes tickets from
	Models  []string `json:"models,omitempty"`   // candidates it can reach, provider/model; of each provider its default first
	StandIn bool     `json:"stand_in,omitempty"` // the first of Models answers where an agent's own are not there
	Slots   int      `json:"slots"`              // jobs it runs at once
	Running int      `json:"running"`            // jobs it runs now
}

// The heartbeat of a worker, and how long it counts as alive without one.
const (
	HeartbeatEvery = 2 * time.Second
	HeartbeatTTL   = 3 * HeartbeatEvery
)
