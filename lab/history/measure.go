package history

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// Measures says in numbers how a run went.
type Measures struct {
	Asked        int                 // jobs that clients wanted, but for a flood's
	Acknowledged int                 // of them, those that an API accepted
	States       map[tasks.State]int // acknowledged jobs, by their state at the end
	LostExcused  int                 // gone with the last moments of a killed Redis
	Lost         int                 // gone otherwise
	Twice        int                 // ended twice in one run
	Unclaimed    int                 // recorded, but not acknowledged to any client

	Attempts     map[int]int    // jobs, by how many attempts they took
	Again        map[string]int // why jobs went back to the queue, by the word in their log
	Calls        int            // of the model server
	CallsBy      map[int]int    // jobs, by calls
	Paid         int            // jobs that the model server answered in full
	PaidTwice    int            // of them, those that it answered more than once
	PaidTwiceFor []string       // of those, the ones for which no disturbance accounts

	Recovery          Durations // a worker killed → its job claimed again, by a worker that was well
	Thawed            Durations // a worker frozen for longer than its lease → its job claimed again
	RecoveryDisturbed Durations // either, while Redis was disturbed or every other worker of the lane was
	Abort             Durations // a job canceled → its call aborted
	AbortDisturbed    Durations // the same, while the worker or Redis was disturbed

	HookDelay Durations // how long after its end a job's webhook was taken
	Late      Durations // how long after its deadline a job ended

	Streams, StreamEvents       int
	Unavailable                 Durations // how long a 503 took
	Unanswered                  int       // requests that got no answer
	Ends, Missing, Underway     int       // webhooks that were due; of them, those that never came, and those to come
	Webhooks, Repeated, Untaken int       // that came; of them, those that had been taken before, and those the receiver refused
	Replays                     int       // submissions answered with the job of an earlier one
	Faults                      map[string]int
	Floods                      map[tasks.State]int // the flooding tenant's jobs, by their state at the end
	FloodRefused                int                 // jobs and batches of it that were refused, or got no answer
	Exits                       int
	Tests                       Features
}

// Measure measures a run.
func Measure(h *History) *Measures {
	m := &Measures{
		States: map[tasks.State]int{}, Attempts: map[int]int{}, Again: map[string]int{}, CallsBy: map[int]int{},
		Faults: map[string]int{}, Exits: len(h.Exits), Tests: h.Tests,
		Floods: map[tasks.State]int{},
	}
	for _, d := range h.Disturbances {
		m.Faults[string(d.Fault)+" "+string(d.Kind)]++
	}
	m.floods(h)
	for _, j := range h.Jobs {
		if j.Flood {
			continue
		}
		m.Asked++
		m.fate(h, j)
		m.work(h, j)
		m.contact(h, j)
		for i := range j.Stored {
			m.recovery(h, &j.Stored[i])
			m.abort(h, j, &j.Stored[i])
		}
	}
	return m
}

// floods counts what became of the flooding tenant's jobs.
func (m *Measures) floods(h *History) {
	for _, j := range h.Jobs {
		for i := range j.Stored {
			if j.Flood {
				m.Floods[j.Stored[i].State]++
			}
		}
	}
	for i := range h.Floods {
		if !h.Floods[i].OK() {
			m.FloodRefused++
		}
	}
}

// fate counts what became of a job.
func (m *Measures) fate(h *History, j *Job) {
	ids, _ := j.Acknowledged()
	if len(ids) > 0 {
		m.Acknowledged++
	}
	excused, lost := h.Lost(j)
	m.LostExcused += len(excused)
	m.Lost += len(lost)
	if len(endsOnce(h, j)) > 0 {
		m.Twice++
	}
	for i := range j.Stored {
		r := &j.Stored[i]
		if !slices.Contains(ids, r.ID) {
			m.Unclaimed++
			continue
		}
		m.States[r.State]++
		if late := r.Ended.Sub(r.Deadline); !r.Ended.IsZero() && late > 0 {
			m.Late = append(m.Late, late)
		}
	}
}

// work counts what a job cost.
func (m *Measures) work(h *History, j *Job) {
	for i := range j.Stored {
		r := &j.Stored[i]
		m.Attempts[r.Attempt]++
		for _, e := range r.Events[min(1, len(r.Events)):] {
			if e.Type == tasks.EventQueued {
				m.Again[reason(e)]++
			}
		}
	}
	m.Calls += len(j.Calls)
	m.CallsBy[len(j.Calls)]++
	m.paid(h, j)
}

// paid counts whether the model server answered the job in full, and whether it
// did so more often than the job had runs: an answer that was not written down
// in time has to be paid for again.
func (m *Measures) paid(h *History, j *Job) {
	var answers []Call
	for _, c := range j.Calls {
		if c.answered() {
			answers = append(answers, c)
		}
	}
	if len(answers) > 0 {
		m.Paid++
	}
	if len(answers) <= len(j.Retries)+max(1, len(j.Stored)) {
		return
	}
	m.PaidTwice++
	if !slices.ContainsFunc(answers[:len(answers)-1], func(c Call) bool { return h.callDisturbed(j, c) }) {
		m.PaidTwiceFor = append(m.PaidTwiceFor, j.Marker)
	}
}

// callDisturbed reports whether the worker that made a call, or Redis, was not
// well from its begin until a lease after its end.
func (h *History) callDisturbed(j *Job, c Call) bool {
	until := c.End.Add(leaseTime)
	for i := range j.Stored {
		pid := 0
		for _, e := range j.Stored[i].Events {
			if e.Type == tasks.EventRunning && !e.At.After(c.Start) {
				pid = workerPID(e)
			}
		}
		if h.disturbed(h.Processes[pid].Name, c.Start, until) {
			return true
		}
	}
	return h.redisDisturbed(c.Start, until)
}

// reason is why a job went back to the queue.
func reason(e Event) string {
	var data struct {
		Reason string `json:"reason"`
	}
	if json.Unmarshal([]byte(e.Data), &data) != nil || data.Reason == "" {
		return "asked for again"
	}
	return data.Reason
}

// contact counts what clients and receiver saw.
func (m *Measures) contact(h *History, j *Job) {
	for _, list := range [][]Request{j.Submits, j.Reads, j.Cancels, j.Retries} {
		for i := range list {
			switch list[i].Status {
			case 0:
				m.Unanswered++
			case http.StatusServiceUnavailable:
				m.Unavailable = append(m.Unavailable, list[i].Took)
			}
			if list[i].Replayed {
				m.Replays++
			}
		}
	}
	for _, s := range j.Streams {
		m.Streams++
		m.StreamEvents += len(s.Events)
	}
	taken := map[string]bool{}
	for _, d := range j.Webhooks {
		m.Webhooks++
		switch {
		case d.Answered/100 != 2:
			m.Untaken++
		case taken[d.ID]:
			m.Repeated++
		default:
			taken[d.ID] = true
			if r := j.Record(d.JobID); r != nil && WebhookID(r.ID, r.Sequence) == d.ID && r.event(r.Sequence) != nil {
				m.HookDelay = append(m.HookDelay, d.At.Sub(r.event(r.Sequence).At))
			}
		}
	}
	if j.Callback {
		for i := range j.Stored {
			m.Ends += len(j.Stored[i].EndIDs())
		}
		missing, underway := h.Undelivered(j)
		m.Missing += len(missing)
		m.Underway += len(underway)
	}
}

// recovery measures how long a job had to wait for another worker, each time it
// lost one.
func (m *Measures) recovery(h *History, r *Record) {
	states := r.states()
	for i, e := range states {
		if e.Type != tasks.EventRunning {
			continue
		}
		d := h.lossOf(workerPID(e), e.At, endOf(states, i))
		next := slices.IndexFunc(states[i+1:], func(e Event) bool { return e.Type == tasks.EventRunning })
		if d == nil || next < 0 || states[i+1].Type.Terminal() {
			continue
		}
		claimed := states[i+1+next].At
		took := claimed.Sub(d.From)
		switch {
		case h.redisDisturbed(d.From.Add(-leaseTime), claimed) || !h.peerWell(d.PID, d.From, claimed):
			m.RecoveryDisturbed = append(m.RecoveryDisturbed, took)
		case d.Fault == Freeze:
			m.Thawed = append(m.Thawed, took)
		default:
			m.Recovery = append(m.Recovery, took)
		}
	}
}

// leaseTime is how far back a disturbance of Redis still delays the watchdogs:
// they wait for one lease before they judge.
const leaseTime = 8 * time.Second

// endOf returns when the attempt that states[i] began was over: the time of the
// state after it, or, if there is none, far away.
func endOf(states []Event, i int) time.Time {
	if i+1 < len(states) {
		return states[i+1].At
	}
	return time.Unix(1<<40, 0)
}

// lossOf finds the fault by which a worker was lost while it had a job in hand.
func (h *History) lossOf(pid int, from, until time.Time) *Disturbance {
	for i := range h.Disturbances {
		d := &h.Disturbances[i]
		if d.PID == pid && d.Kind == Worker && (d.Fault == Kill || d.Fault == Freeze) && d.From.After(from) && d.From.Before(until) {
			return d
		}
	}
	return nil
}

// workerPID reads the number of the worker's process from the event that names
// of a claim: a worker's ID is host, number and a random part.
func workerPID(e Event) int {
	var data struct {
		Worker string `json:"worker"`
	}
	if json.Unmarshal([]byte(e.Data), &data) != nil {
		return 0
	}
	parts := strings.Split(data.Worker, "-")
	if len(parts) < 3 {
		return 0
	}
	pid, _ := strconv.Atoi(parts[len(parts)-2]) // 0 is no process
	return pid
}

// overlaps reports whether the disturbance lay, in part at least, between.
func (d *Disturbance) overlaps(from, until time.Time) bool {
	return d.From.Before(until) && (d.Until.IsZero() || d.Until.After(from))
}

// redisDisturbed reports whether Redis was not well at some time between.
func (h *History) redisDisturbed(from, until time.Time) bool {
	return slices.ContainsFunc(h.Disturbances, func(d Disturbance) bool { return d.Kind == Redis && d.overlaps(from, until) })
}

// disturbed reports whether a process, or its way to Redis, was not well at
// some time between.
func (h *History) disturbed(name string, from, until time.Time) bool {
	return slices.ContainsFunc(h.Disturbances, func(d Disturbance) bool { return d.Target == name && d.overlaps(from, until) })
}

// peerWell reports whether some process that can replace the one of that
// number was well all the time between.
func (h *History) peerWell(pid int, from, until time.Time) bool {
	lost := h.Processes[pid]
	for _, p := range h.Processes {
		if p.Group == lost.Group && p.Name != lost.Name && !h.disturbed(p.Name, from, until) {
			return true
		}
	}
	return false
}

// abort measures how long a call went on after its job was canceled.
func (m *Measures) abort(h *History, j *Job, r *Record) {
	pid := 0 // of the worker that has the job
	for _, e := range r.Events {
		if e.Type == tasks.EventRunning {
			pid = workerPID(e)
		}
		if e.Type != tasks.EventCanceled {
			continue
		}
		for _, c := range j.Calls {
			// A call that ended by itself at that moment was not aborted.
			if !c.Left || c.Start.After(e.At) || c.End.Before(e.At) {
				continue
			}
			took := c.End.Sub(e.At)
			if h.redisDisturbed(e.At, c.End) || h.disturbed(h.Processes[pid].Name, e.At, c.End) {
				m.AbortDisturbed = append(m.AbortDisturbed, took)
			} else {
				m.Abort = append(m.Abort, took)
			}
		}
	}
}

// Durations is a sample of times.
type Durations []time.Duration

// Quantile returns the smallest value that a share of the sample does not
// exceed; 0 for an empty sample.
func (d Durations) Quantile(share float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}
