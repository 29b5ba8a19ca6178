package tasks

import "time"

// Worker is one worker process as it last told of itself in its heartbeat.
type Worker struct {
	ID        string        `json:"id"` // host, process and a random part
	Serves    []LaneService `json:"serves"`
	Host      *Host         `json:"host,omitempty"`    // its machine; nil: not measured
	Leaving   bool          `json:"leaving,omitempty"` // it has stopped taking tickets, and may be back under another ID
	StartedAt time.Time     `json:"started_at"`
	SeenAt    time.Time     `json:"seen_at"`
}

// Host tells how busy a worker's machine is, as shares from 0 to 1.
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
