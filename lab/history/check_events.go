package history

import (
	"fmt"
	"strconv"

	"github.com/topcentral/spillway/tasks"
)

// perRecord applies a check to each stored record that has a log.
func perRecord(j *Job, check func(r *Record, wrong func(format string, args ...any))) []string {
	var found []string
	for i := range j.Stored {
		r := &j.Stored[i]
		check(r, func(format string, args ...any) {
			found = append(found, r.ID+": "+fmt.Sprintf(format, args...))
		})
	}
	return found
}

// contiguous: sequence numbers count from 1, one by one, up to the record's.
func contiguous(_ *History, j *Job) []string {
	return perRecord(j, func(r *Record, wrong func(string, ...any)) {
		for i, e := range r.Events {
			if want := int64(i + 1); e.Sequence != want {
				wrong("event %d stands where %d belongs", e.Sequence, want)
				return
			}
		}
		if n := int64(len(r.Events)); n != r.Sequence {
			wrong("the record says %d events, the log has %d", r.Sequence, n)
		}
	})
}

// states lists the events of a state.
func (r *Record) states() []Event {
	var found []Event
	for _, e := range r.Events {
		if _, ok := stateOf(e.Type); ok {
			found = append(found, e)
		}
	}
	return found
}

func stateOf(t tasks.EventType) (tasks.State, bool) {
	for _, s := range tasks.States() {
		if tasks.EventOf(s) == t {
			return s, true
		}
	}
	return "", false
}

// followDiagram: each state follows from the one before, and the last is the
// record's.
func followDiagram(_ *History, j *Job) []string {
	return perRecord(j, func(r *Record, wrong func(string, ...any)) {
		var was tasks.State
		for _, e := range r.states() {
			is, _ := stateOf(e.Type)
			switch {
			case was == "" && is != tasks.Queued && is != tasks.Scheduled && !answeredAtOnce(r):
				wrong("the log begins with %s", e.Type)
			case was != "" && !was.CanBecome(is), was == tasks.Queued && is == tasks.Succeeded && !shared(r):
				wrong("event %d: from %s to %s", e.Sequence, was, is)
			}
			was = is
		}
		if was != r.State {
			wrong("the record is %s, the log ends %s", r.State, was)
		}
	})
}

// answeredAtOnce reports whether the job was made with its answer: it has no
// other event.
func answeredAtOnce(r *Record) bool {
	return len(r.Events) == 1 && (r.Settled == "0:"+string(tasks.ByCache) || r.Settled == "0:"+string(tasks.ByFastPath))
}

// shared reports whether the job ended with the result of an equal one.
func shared(r *Record) bool {
	return r.State == tasks.Succeeded && r.Settled == fmt.Sprintf("%d:%s", r.Attempt, tasks.ByCache)
}

// endsOnce: one terminal event per run, and a new run only where a client asked
// for it; no event of a run follows its end.
func endsOnce(_ *History, j *Job) []string {
	return perRecord(j, func(r *Record, wrong func(string, ...any)) {
		runs, ended := 1, false
		for _, e := range r.Events {
			again := e.Type == tasks.EventQueued || e.Type == tasks.EventScheduled
			switch {
			case ended && again:
				runs, ended = runs+1, false
			case ended:
				wrong("%s (event %d) after the end of the run", e.Type, e.Sequence)
			case e.Type.Terminal():
				ended = true
			}
		}
		if asked := len(j.Retries); runs > 1+asked {
			wrong("%d runs, and the client asked for %d more than the first", runs, asked)
		}
	})
}

// settledBy is what must have settled a job that ended in a state: its newest
// attempt, by the step that leads there. A cancel asks no attempt.
func settledBy(s tasks.State, attempt int) string {
	switch s {
	case tasks.Succeeded:
		return strconv.Itoa(attempt) + ":complete"
	case tasks.Failed:
		return strconv.Itoa(attempt) + ":fail"
	}
	return ""
}

// fenced: an attempt begins under the next number, and after that nothing
// comes from an older one.
func fenced(_ *History, j *Job) []string {
	return perRecord(j, func(r *Record, wrong func(string, ...any)) {
		current := 0
		for _, e := range r.Events {
			switch {
			case e.Type == tasks.EventRunning && e.Attempt != current+1:
				wrong("event %d: attempt %d begins after %d", e.Sequence, e.Attempt, current)
			case e.Type != tasks.EventRunning && e.Attempt != current:
				wrong("event %d (%s) comes from attempt %d while %d is the newest", e.Sequence, e.Type, e.Attempt, current)
			}
			current = max(current, e.Attempt)
		}
		if r.Attempt != current {
			wrong("the record counts %d attempts, the log %d", r.Attempt, current)
		}
		if want := settledBy(r.State, current); want != "" && r.Settled != want && !answeredAtOnce(r) && !shared(r) {
			wrong("the end was written by %q, which should be %q", r.Settled, want)
		}
	})
}
