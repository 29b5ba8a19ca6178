package history

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/providers/mockllm"
	"github.com/topcentral/spillway/tasks"
)

const (
	jobID   = "job_0123456789abcdef0123456789abcdef"
	otherID = "job_fedcba9876543210fedcba9876543210"
	theMark = "chaosjob-1"
)

var epoch = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// at is a number of seconds after the begin of the history.
func at(seconds float64) time.Time {
	return epoch.Add(time.Duration(seconds * float64(time.Second)))
}

// good is the history of a job that was posted twice under one key, lost its
// first worker, was answered by its second, and called back: nothing is wrong
// with it.
func good() *History {
	id := WebhookID(jobID, 6)
	j := &Job{
		Marker: theMark, Callback: true, LocalOnly: true,
		Submits: []Request{
			{At: at(0), Took: time.Second, Err: "connection reset"},
			{At: at(1), Took: time.Second / 10, Status: 503, Later: true},
			{At: at(2), Took: time.Second / 10, Status: 202, ID: jobID, State: tasks.Queued, Sequence: 1},
		},
		Reads: []Request{
			{At: at(5), Took: time.Second, Status: 200, ID: jobID, State: tasks.Running, Sequence: 2},
			{At: at(20), Took: time.Second / 10, Status: 200, ID: jobID, State: tasks.Succeeded, Sequence: 6},
		},
		Streams: []Stream{{ID: jobID, Closed: true, Events: []Seen{
			{at(3), 1, tasks.EventQueued}, {at(3), 2, tasks.EventRunning}, {at(12), 3, tasks.EventQueued},
			{at(13), 4, tasks.EventRunning}, {at(14), 5, tasks.EventDelta}, {at(15), 6, tasks.EventSucceeded},
		}}},
		Calls: []Call{
			{tasks.Local, mockllm.Call{Outcome: string(mockllm.None), Start: at(3), End: at(4), Left: true}},
			{tasks.Local, mockllm.Call{Outcome: string(mockllm.None), Start: at(13), End: at(15)}},
		},
		Webhooks: []Delivery{
			{At: at(16), ID: id, JobID: jobID, Type: tasks.EventSucceeded, Answered: 500},
			{At: at(21), ID: id, JobID: jobID, Type: tasks.EventSucceeded, Answered: 204},
		},
		Stored: []Record{{
			ID: jobID, State: tasks.Succeeded, Attempt: 2, Sequence: 6, Result: true, Relayed: true,
			Settled: "2:complete", Deadline: at(14), Ended: at(15),
			Webhooks: map[string]string{id: "completed"},
			Events: []Event{
				{1, tasks.EventQueued, 0, at(2), `{}`},
				{2, tasks.EventRunning, 1, at(3), `{"lane":"local","worker":"host-77-abcdef"}`},
				{3, tasks.EventQueued, 1, at(12), `{"reason":"lease_expired"}`},
				{4, tasks.EventRunning, 2, at(13), `{"lane":"local","worker":"host-78-abcdef"}`},
				{5, tasks.EventDelta, 2, at(14), `{"text":"x"}`},
				{6, tasks.EventSucceeded, 2, at(15), `{"degraded":false}`},
			},
		}},
	}
	return &History{
		Jobs:         map[string]*Job{theMark: j},
		Disturbances: []Disturbance{{Kill, Worker, "local-1", 77, at(4), at(5)}},
		Processes:    map[int]Process{77: {"local-1", "local"}, 78: {"local-2", "local"}},
		Left:         Leftovers{Open: map[string]int{"queued": 0, "running": 0}},
		Tests:        Features{Idempotency: true, Retry: true, Webhooks: true},
	}
}

func TestGoodHistoryPasses(t *testing.T) {
	if got := Check(good()); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}

// TestBadHistoriesAreFound breaks the good history in one place at a time, and
// expects the rule for that place to say so.
func TestBadHistoriesAreFound(t *testing.T) {
	cases := []struct {
		name  string
		rule  string
		spoil func(h *History, j *Job, r *Record)
	}{
		{"record gone", "acknowledged job is there", func(_ *History, j *Job, _ *Record) { j.Stored = nil }},
		{"record gone long before Redis died", "acknowledged job is there", func(h *History, j *Job, _ *Record) {
			j.Stored = nil
			h.Disturbances = append(h.Disturbances, Disturbance{Fault: Kill, Kind: Redis, From: at(6)})
		}},
		{"record gone before a worker died", "acknowledged job is there", func(h *History, j *Job, _ *Record) {
			j.Stored = nil
			h.Disturbances = append(h.Disturbances, Disturbance{Fault: Kill, Kind: Worker, From: at(3)})
		}},
		{"two records", "one key makes one job", func(_ *History, j *Job, r *Record) {
			twin := *r
			twin.ID = otherID
			j.Stored = append(j.Stored, twin)
		}},
		{"still queued", "every job ends", func(_ *History, _ *Job, r *Record) { r.State = tasks.Queued }},
		{"still running", "every job ends", func(_ *History, _ *Job, r *Record) { r.State = tasks.Running }},
		{"number left out", "events count from 1 without gaps", func(_ *History, _ *Job, r *Record) { r.Events = slices.Delete(r.Events, 4, 5) }},
		{"number twice", "events count from 1 without gaps", func(_ *History, _ *Job, r *Record) { r.Events[4].Sequence = 4 }},
		{"number from 2", "events count from 1 without gaps", func(_ *History, _ *Job, r *Record) { r.Events = r.Events[1:] }},
		{"end of the log gone", "events count from 1 without gaps", func(_ *History, _ *Job, r *Record) { r.Sequence = 7 }},
		{"from queued to succeeded", "states follow the diagram", func(_ *History, _ *Job, r *Record) { r.Events[3].Type = tasks.EventDelta }},
		{"begins running", "states follow the diagram", func(_ *History, _ *Job, r *Record) { r.Events[0].Type = tasks.EventDelta }},
		{"record and log disagree", "states follow the diagram", func(_ *History, _ *Job, r *Record) { r.State = tasks.Failed }},
		{"two ends", "a run ends once", func(_ *History, _ *Job, r *Record) { r.Events[4].Type = tasks.EventCanceled }},
		{"a delta after the end", "a run ends once", func(_ *History, _ *Job, r *Record) {
			r.Events[4], r.Events[5] = r.Events[5], r.Events[4]
		}},
		{"a run that nobody asked for", "a run ends once", func(_ *History, _ *Job, r *Record) { r.Events[1].Type = tasks.EventFailed }},
		{"write of an older attempt", "attempts are fenced", func(_ *History, _ *Job, r *Record) { r.Events[4].Attempt = 1 }},
		{"end written by an older attempt", "attempts are fenced", func(_ *History, _ *Job, r *Record) { r.Settled = "1:complete" }},
		{"attempt begins twice", "attempts are fenced", func(_ *History, _ *Job, r *Record) { r.Events[3].Attempt = 1 }},
		{"attempt left out", "attempts are fenced", func(_ *History, _ *Job, r *Record) {
			r.Events[3].Attempt, r.Events[4].Attempt, r.Events[5].Attempt = 3, 3, 3
		}},
		{"record counts other attempts", "attempts are fenced", func(_ *History, _ *Job, r *Record) { r.Attempt = 3 }},
		{"succeeded without a result", "a result if and only if succeeded", func(_ *History, _ *Job, r *Record) { r.Result = false }},
		{"failed with a result", "a result if and only if succeeded", func(_ *History, _ *Job, r *Record) { r.State = tasks.Failed }},
		{"told of another end", "a reported state stays true", func(_ *History, j *Job, _ *Record) { j.Reads[1].State = tasks.Failed }},
		{"told of an end, then of none", "a reported state stays true", func(_ *History, j *Job, _ *Record) {
			j.Reads = append(j.Reads, Request{At: at(30), Status: 200, ID: jobID, State: tasks.Running, Sequence: 4})
		}},
		{"told that it is not there", "a reported state stays true", func(_ *History, j *Job, _ *Record) {
			j.Reads[0] = Request{At: at(5), Status: 404, ID: jobID}
		}},
		{"canceled and not canceled", "a granted cancel holds", func(_ *History, j *Job, _ *Record) {
			j.Cancels = []Request{{At: at(6), Status: 200, ID: jobID}}
		}},
		{"stream with a gap", "streams have no gap and no repeat", func(_ *History, j *Job, _ *Record) {
			j.Streams[0].Events = slices.Delete(j.Streams[0].Events, 1, 2)
		}},
		{"stream with a repeat", "streams have no gap and no repeat", func(_ *History, j *Job, _ *Record) {
			j.Streams[0].Events[1] = j.Streams[0].Events[0]
		}},
		{"stream tells another story", "streams have no gap and no repeat", func(_ *History, j *Job, _ *Record) {
			j.Streams[0].Events[5].Type = tasks.EventCanceled
		}},
		{"stream ended early", "streams have no gap and no repeat", func(_ *History, j *Job, _ *Record) {
			j.Streams[0].Events = j.Streams[0].Events[:5]
		}},
		{"500", "answers are those of the contract", func(_ *History, j *Job, _ *Record) { j.Submits[1].Status = 500 }},
		{"503 without Retry-After", "answers are those of the contract", func(_ *History, j *Job, _ *Record) { j.Submits[1].Later = false }},
		{"a good job refused", "answers are those of the contract", func(_ *History, j *Job, _ *Record) { j.Submits[1].Status = 400 }},
		{"no webhook", "an ended job calls back", func(_ *History, j *Job, _ *Record) { j.Webhooks = nil }},
		{"webhook refused and given up", "an ended job calls back", func(_ *History, j *Job, r *Record) {
			j.Webhooks = j.Webhooks[:1]
			r.Webhooks[WebhookID(jobID, 6)] = "archived"
		}},
		{"webhook under another ID", "webhooks bear constant IDs", func(_ *History, j *Job, _ *Record) { j.Webhooks[0].ID = "evt_1" }},
		{"webhook with a bad signature", "webhooks bear constant IDs", func(_ *History, j *Job, _ *Record) { j.Webhooks[0].Fault = "signature" }},
		{"webhook of what is no end", "webhooks bear constant IDs", func(_ *History, j *Job, _ *Record) {
			j.Webhooks[0].Type, j.Webhooks[0].ID = tasks.EventQueued, WebhookID(jobID, 1)
		}},
		{"local_only in the cloud", "local_only stays local", func(_ *History, j *Job, _ *Record) { j.Calls[1].Lane = "cloud" }},
		{"stray webhook", "no webhook without a job", func(h *History, _ *Job, _ *Record) { h.Strays = []Delivery{{ID: "evt_1"}} }},
		{"stranger", "no job that nobody asked for", func(h *History, _ *Job, _ *Record) { h.Left.Strangers = []string{otherID} }},
		{"worker gives up", "what runs keeps running", func(h *History, _ *Job, _ *Record) { h.Exits = []Exit{{Up: time.Minute}} }},
		{"panic", "no process dies of its own fault", func(h *History, _ *Job, _ *Record) { h.Crashes = []string{"panic"} }},
		{"due entry left", "nothing is left over", func(h *History, _ *Job, _ *Record) { h.Left.Due = 1 }},
		{"place in line left", "nothing is left over", func(h *History, _ *Job, _ *Record) { h.Left.Waiting = 1 }},
		{"counter off", "nothing is left over", func(h *History, _ *Job, _ *Record) { h.Left.Open["running"] = -1 }},
	}
	covered := map[string]bool{}
	for _, c := range cases {
		covered[c.rule] = true
		t.Run(c.name, func(t *testing.T) {
			h := good()
			j := h.Jobs[theMark]
			c.spoil(h, j, &j.Stored[0])
			got := Check(h)
			if !slices.ContainsFunc(got, func(v Violation) bool { return v.Rule == c.rule }) {
				t.Errorf("got %v, want one of %q", got, c.rule)
			}
		})
	}
	for _, r := range rules {
		if !covered[r.name] {
			t.Errorf("no history breaks the rule %q", r.name)
		}
	}
}

// TestWhatIsExcused lists what looks wrong and is not.
func TestWhatIsExcused(t *testing.T) {
	killRedis := func(h *History, seconds float64) {
		h.Disturbances = append(h.Disturbances, Disturbance{Fault: Kill, Kind: Redis, From: at(seconds)})
	}
	cases := []struct {
		name   string
		change func(h *History, j *Job, r *Record)
	}{
		{"acknowledged in the last moments of a killed Redis", func(h *History, j *Job, _ *Record) {
			*j = Job{Marker: theMark, Submits: j.Submits}
			killRedis(h, 3)
		}},
		{"an end told in the last moments of a killed Redis", func(h *History, j *Job, _ *Record) {
			j.Reads[0] = Request{At: at(5), Status: 200, ID: jobID, State: tasks.Succeeded, Sequence: 3}
			killRedis(h, 5.5)
		}},
		{"a webhook on its way", func(_ *History, j *Job, r *Record) {
			j.Webhooks = j.Webhooks[:1]
			r.Webhooks[WebhookID(jobID, 6)] = "retry"
		}},
		{"a webhook still in the outbox", func(_ *History, j *Job, r *Record) {
			j.Webhooks, r.Webhooks, r.Relayed = nil, nil, false
		}},
		{"a webhook that came twice", func(_ *History, j *Job, _ *Record) {
			j.Webhooks = append(j.Webhooks, j.Webhooks[1])
		}},
		{"a cancel that came too late", func(_ *History, j *Job, _ *Record) {
			j.Cancels = []Request{{At: at(30), Status: 409, ID: jobID}}
		}},
		{"a second run that was asked for", func(_ *History, j *Job, r *Record) {
			r.Events[1].Type, r.Events[1].Attempt = tasks.EventCanceled, 0
			r.Events[2].Attempt = 0
			for i := range r.Events[3:] {
				r.Events[3+i].Attempt = 1
			}
			r.Attempt, r.Settled, j.Streams = 1, "1:complete", nil
			j.Reads[0].State = tasks.Canceled
			j.Webhooks = append(j.Webhooks, Delivery{At: at(4), ID: WebhookID(jobID, 2), JobID: jobID, Type: tasks.EventCanceled, Answered: 204})
			j.Cancels = []Request{{At: at(2.5), Took: time.Second, Status: 200, ID: jobID, State: tasks.Canceled, Sequence: 2}}
			j.Retries = []Request{{At: at(11), Took: time.Second, Status: 202, ID: jobID, State: tasks.Queued, Sequence: 3}}
		}},
		{"a process that could not start", func(h *History, _ *Job, _ *Record) { h.Exits = []Exit{{Up: time.Second}} }},
		{"leftovers while a job is open", func(h *History, j *Job, _ *Record) {
			h.Left.Due, h.Left.Open["queued"] = 1, 1
			h.Jobs["chaosjob-2"] = &Job{Marker: "chaosjob-2", Stored: []Record{{
				ID: otherID, State: tasks.Queued, Sequence: 1, Relayed: true, Events: []Event{{1, tasks.EventQueued, 0, at(2), "{}"}},
			}}}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := good()
			j := h.Jobs[theMark]
			c.change(h, j, &j.Stored[0])
			for _, v := range Check(h) {
				if v.Rule != "every job ends" {
					t.Errorf("got %v", v)
				}
			}
		})
	}
}

func TestLossIsCountedByCause(t *testing.T) {
	h := good()
	j := h.Jobs[theMark]
	j.Stored = nil
	if m := Measure(h); m.Lost != 1 || m.LostExcused != 0 {
		t.Errorf("got %d lost and %d excused, want 1 and 0", m.Lost, m.LostExcused)
	}
	h.Disturbances = append(h.Disturbances, Disturbance{Fault: Kill, Kind: Redis, From: at(4)})
	if m := Measure(h); m.Lost != 0 || m.LostExcused != 1 {
		t.Errorf("got %d lost and %d excused, want 0 and 1", m.Lost, m.LostExcused)
	}
}

func TestViolationsNameTheJob(t *testing.T) {
	h := good()
	h.Jobs[theMark].Stored[0].Result = false
	got := Check(h)
	if len(got) != 1 || !strings.HasPrefix(got[0].String(), theMark+": a result") {
		t.Errorf("got %v", got)
	}
}
