package store_test

import (
	"bytes"
	"time"

	"pgregory.net/rapid"

	"github.com/topcentral/spillway/tasks"
)

func (m *machine) compareEvents(t *rapid.T, j *spec, got []tasks.Event) {
	same := len(got) == len(j.log)
	for i := 0; same && i < len(got); i++ {
		same = got[i].Type == j.log[i].typ && got[i].Attempt == j.log[i].attempt
	}
	if !same {
		t.Fatalf("events of job %d: got %v, want %v", j.number, got, j.log)
	}
}

// lawful checks the promises that a job's record and log make by themselves,
// whatever the model says.
func lawful(t *rapid.T, j *spec, job *tasks.Job, events []tasks.Event) {
	var state tasks.State
	attempt, retries := 0, 0
	for i, e := range events {
		if e.Sequence != int64(i+1) {
			t.Fatalf("job %d: event %d has the number %d", j.number, i+1, e.Sequence)
		}
		if e.Type == tasks.EventRunning {
			attempt++
		}
		if e.Attempt != attempt {
			t.Fatalf("job %d: %s (event %d) comes from attempt %d, not %d", j.number, e.Type, e.Sequence, e.Attempt, attempt)
		}
		next, ok := stateOf(e.Type)
		switch {
		case !ok && state != tasks.Running:
			t.Fatalf("job %d: %s (event %d) while %s", j.number, e.Type, e.Sequence, state)
		case !ok:
			continue
		case i == 0 && next != tasks.Queued && next != tasks.Scheduled:
			t.Fatalf("job %d began as %s", j.number, next)
		case i > 0 && !state.CanBecome(next):
			t.Fatalf("job %d went from %s to %s (event %d)", j.number, state, next, e.Sequence)
		}
		if state.Terminal() {
			retries++
			if !bytes.Contains(e.Data, []byte(`"retry"`)) {
				t.Fatalf("job %d left %s by itself (event %d)", j.number, state, e.Sequence)
			}
		}
		state = next
	}
	switch {
	case state != job.State:
		t.Fatalf("job %d is %s, and its log ends with %s", j.number, job.State, state)
	case int64(len(events)) != job.Sequence:
		t.Fatalf("job %d has %d events, and says %d", j.number, len(events), job.Sequence)
	case attempt != job.Attempt:
		t.Fatalf("job %d has %d attempts, and says %d", j.number, attempt, job.Attempt)
	case retries != j.retries:
		t.Fatalf("job %d was retried %d times, and ran anew %d times", j.number, j.retries, retries)
	case (job.Result != nil) != (state == tasks.Succeeded):
		t.Fatalf("job %d is %s with the result %s", j.number, state, job.Result)
	case (job.Error != nil) != (state == tasks.Failed):
		t.Fatalf("job %d is %s with the error %v", j.number, state, job.Error)
	}
}

// drain takes all workers and callers away. The clock moves on, the watchdogs
// look, and every job must have ended soon after its deadline, and be gone after
// its retention.
func (m *machine) drain(t *rapid.T) {
	m.faultless = true
	began := m.now
	rounds := 0
	for next := m.nextDue(); !next.IsZero(); next = m.nextDue() {
		if rounds++; rounds > 1000 {
			t.Fatalf("some jobs do not end")
		}
		if next.After(m.now) {
			m.setTime(next)
		}
		m.watchdog(t)
		m.check(t)
	}
	last := m.now
	for _, j := range m.jobs {
		late := j.deadline
		if late.Before(began) {
			late = began
		}
		if late = late.Add(max(lease, firstLook)); j.ended.After(late) {
			t.Fatalf("job %d ended at %v, its deadline was %v", j.number, j.ended, j.deadline)
		}
		if gone := j.ended.Add(j.retention); gone.After(last) {
			last = gone
		}
	}
	m.setTime(last)
	m.check(t)
}

// nextDue is when a watchdog must look at some job, zero if all have ended.
func (m *machine) nextDue() time.Time {
	var next time.Time
	for _, j := range m.jobs {
		if !j.due.IsZero() && (next.IsZero() || j.due.Before(next)) {
			next = j.due
		}
	}
	return next
}
