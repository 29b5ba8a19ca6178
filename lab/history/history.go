// Package history says what must be true of jobs, whatever is done to the
// system that runs them. A [History] holds what everybody saw of a run: the
// clients, the model server, the receiver of webhooks, and in the end the
// store; and what was done to the system meanwhile. [Check] holds it against
// the promises, [Measure] says how well they were kept.
//
// The package knows the system from outside only: it shares none of its code
// but the names of states and events.
package history

import (
	"slices"
	"sync"
	"time"

	"github.com/topcentral/spillway/providers/mockllm"
	"github.com/topcentral/spillway/tasks"
)

// History is all that is known of a run. Add to it through a [Log] while the
// run goes on.
type History struct {
	Jobs         map[string]*Job // by marker
	Disturbances []Disturbance
	Floods       []Request       // answers to the flooding tenant that grant nothing, and to each of its batches
	Strays       []Delivery      // webhooks for jobs that no client has asked for
	Crashes      []string        // what processes wrote when they died of their own fault
	Exits        []Exit          // processes that ended without a signal of ours
	Processes    map[int]Process // by number
	Left         Leftovers
	Tests        Features
}

// Features says which parts of the system this run could test.
type Features struct {
	Idempotency bool // POST /jobs takes an Idempotency-Key
	Retry       bool // POST /jobs/{id}/retry is there
	Webhooks    bool // webhooks can reach this machine
	Clock       bool // Redis's clock can be set
}

// Job is what is known of one logical job: one thing that a client wanted done,
// however often it had to ask.
type Job struct {
	Marker    string
	Plan      string    // what its client meant to do, in words
	LocalOnly bool      // its data must not reach the cloud
	Callback  bool      // a webhook was asked for
	Flood     bool      // it is the flooding tenant's
	Deadline  time.Time // that its client asked for; zero: none

	Submits  []Request
	Cancels  []Request
	Retries  []Request
	Reads    []Request
	Streams  []Stream
	Calls    []Call
	Webhooks []Delivery
	Stored   []Record // every record in the store that bears the marker
}

// Call is one call of the model server.
type Call struct {
	Lane tasks.Lane // by the API that was called
	mockllm.Call
}

// answered reports whether the caller got a valid answer.
func (c Call) answered() bool { return c.Outcome == string(mockllm.None) && !c.Left }

// Request is one request of a client, and its outcome.
type Request struct {
	At     time.Time     // when it was sent
	Took   time.Duration // until the answer, or the failure
	API    string        // who was asked
	Status int           // 0: no answer
	Err    string        // why there was none, or what the answer said was wrong
	Later  bool          // the answer said when to come back (Retry-After)

	// Of the job in the answer, if there was one:
	ID       string
	State    tasks.State
	Sequence int64
	Replayed bool // the answer was marked as a replay of the first
}

// Done returns when the answer was there.
func (r *Request) Done() time.Time { return r.At.Add(r.Took) }

// OK reports whether the request was granted.
func (r *Request) OK() bool { return r.Status >= 200 && r.Status < 300 }

// Stream is what one client saw of one job's event stream, over all the
// connections that it took.
type Stream struct {
	ID     string // the job's
	Events []Seen
	Closed bool // the server ended it, after the terminal event
}

// Seen is one event as a client received it.
type Seen struct {
	At       time.Time
	Sequence int64
	Type     tasks.EventType
}

// Delivery is one webhook that arrived.
type Delivery struct {
	At       time.Time
	ID       string // webhook-id
	JobID    string
	Type     tasks.EventType
	Marker   string
	Answered int    // the status that the receiver gave
	Fault    string // what was wrong with it, such as its signature
}

// Record is a job as the store holds it.
type Record struct {
	ID       string
	State    tasks.State
	Attempt  int
	Sequence int64
	Settled  string // "<attempt>:<step>" of the last write that settled an attempt
	Deadline time.Time
	Ended    time.Time // zero: not ended
	Result   bool      // a result is there
	Events   []Event
	Webhooks map[string]string // webhook-id → state, of those that the queue still knows
	Relayed  bool              // every change has left the outbox
}

// Event is one entry of a job's log as the store holds it.
type Event struct {
	Sequence int64
	Type     tasks.EventType
	Attempt  int
	At       time.Time
	Data     string
}

// Fault is a kind of fault that a run injects.
type Fault string

// The faults.
const (
	Kill      Fault = "kill"      // SIGKILL; it is started again
	Terminate Fault = "terminate" // SIGTERM; it is started again
	Freeze    Fault = "freeze"    // SIGSTOP, later SIGCONT
	Cut       Fault = "cut"       // its connections to Redis are closed and refused
	Silence   Fault = "silence"   // its connections to Redis carry nothing
	Slow      Fault = "slow"      // its connections to Redis are slow

	// To Redis alone:
	Deny       Fault = "deny"       // Spillway's user may not run some command
	Mute       Fault = "mute"       // Spillway's user has no channels
	OOM        Fault = "oom"        // writes are refused: memory is full
	NoReplicas Fault = "noreplicas" // writes are refused: too few replicas
	ReadOnly   Fault = "readonly"   // writes are refused: it is a replica
	Misconf    Fault = "misconf"    // writes are refused: a snapshot has failed
	Load       Fault = "load"       // SIGKILL; it takes seconds to load its log
	Jump       Fault = "jump"       // its clock is set ahead or back, and right again

	Withdraw Fault = "withdraw" // an agent is taken from a worker, and given back
	Flood    Fault = "flood"    // a tenant posts batches as fast as it can
)

// Kind is what a fault is done to, or who does it.
type Kind string

// The kinds.
const (
	Worker Kind = "worker"
	API    Kind = "api"
	Redis  Kind = "redis"
	Tenant Kind = "tenant"
)

// Disturbance is one fault, with what it hit and how long it lasted.
type Disturbance struct {
	Fault  Fault
	Kind   Kind
	Target string // "worker-2"
	PID    int
	From   time.Time
	Until  time.Time // when the process or its connection was there again; zero: not by the end of the run
}

// Process is one incarnation of a process.
type Process struct {
	Name  string
	Group string // of those that can replace each other, such as "local"
}

// Exit is the end of a process to which no signal was sent.
type Exit struct {
	At     time.Time
	Name   string
	Up     time.Duration // how long it had been up
	Reason string        // its last words
}

// Leftovers are what the system as a whole still holds at the end.
type Leftovers struct {
	Due       int            // jobs that the watchdog still means to look at
	Waiting   int            // jobs that wait for a lane
	Open      map[string]int // by state: jobs that the counters say have not ended
	Strangers []string       // jobs in the store that no client has asked for
}

// Log is a History that is being written. It is safe for concurrent use.
type Log struct {
	mu      sync.Mutex
	history History
}

// NewLog returns an empty log.
func NewLog() *Log {
	return &Log{history: History{Jobs: map[string]*Job{}, Processes: map[int]Process{}}}
}

// Begin adds a job.
func (l *Log) Begin(j *Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.history.Jobs[j.Marker] = j
}

// Job changes the job of that marker, and reports whether there is one.
func (l *Log) Job(marker string, change func(*Job)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	j := l.history.Jobs[marker]
	if j != nil {
		change(j)
	}
	return j != nil
}

// Change changes the history as a whole.
func (l *Log) Change(change func(*History)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.history)
}

// Acknowledged returns the IDs under which a client's job was acknowledged,
// each once, and when first. More than one ID is a
// fault unless the job could not be asked for under one key.
func (j *Job) Acknowledged() (ids []string, at time.Time) {
	for i := range j.Submits {
		s := &j.Submits[i]
		if !s.OK() || s.ID == "" {
			continue
		}
		if at.IsZero() {
			at = s.Done()
		}
		if !slices.Contains(ids, s.ID) {
			ids = append(ids, s.ID)
		}
	}
	return ids, at
}

// Record returns the stored record of an ID, nil if there is none.
func (j *Job) Record(id string) *Record {
	for i := range j.Stored {
		if j.Stored[i].ID == id {
			return &j.Stored[i]
		}
	}
	return nil
}

// unsynced is how long before its death a Redis with appendfsync everysec may
// not have written what it acknowledged: it puts a write off while the disk is
// busy, for at most two seconds.
const unsynced = 2 * time.Second

// inDoubt reports whether what the store said at a time may have been lost with
// a Redis that was killed soon after.
func (h *History) inDoubt(at time.Time) bool {
	return slices.ContainsFunc(h.Disturbances, func(d Disturbance) bool {
		return (d.Fault == Kill || d.Fault == Load) && d.Kind == Redis && !at.After(d.From.Add(grace)) && d.From.Sub(at) < unsynced
	})
}

// grace is how far apart two clocks of one machine may read the same moment:
// an answer is noted a little after it was given.
const grace = 50 * time.Millisecond
