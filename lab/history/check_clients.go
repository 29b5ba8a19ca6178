package history

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// event returns the log's entry of a sequence number, nil if there is none.
func (r *Record) event(sequence int64) *Event {
	for i := range r.Events {
		if r.Events[i].Sequence == sequence {
			return &r.Events[i]
		}
	}
	return nil
}

// answers lists every answer that showed the job, in the order they were given.
func (j *Job) answers() []*Request {
	var all []*Request
	for _, list := range [][]Request{j.Submits, j.Reads, j.Cancels, j.Retries} {
		for i := range list {
			if r := &list[i]; r.OK() && r.State != "" {
				all = append(all, r)
			}
		}
	}
	slices.SortFunc(all, func(a, b *Request) int { return a.Done().Compare(b.Done()) })
	return all
}

// reportedStaysTrue: the end of a job that a client was given is in the job's log for
// ever, and no later answer denies it.
func reportedStaysTrue(h *History, j *Job) []string {
	var wrong []string
	answers := j.answers()
	for _, a := range answers {
		r := j.Record(a.ID)
		if r == nil || h.inDoubt(a.Done()) {
			continue
		}
		if a.State.Terminal() {
			if e := r.event(a.Sequence); e == nil || e.Type != tasks.EventOf(a.State) {
				wrong = append(wrong, fmt.Sprintf("told %s at event %d, which the log does not have so", a.State, a.Sequence))
			}
		}
		if last := h.endReportedBefore(answers, a); a.Sequence < last {
			wrong = append(wrong, fmt.Sprintf("told %s (event %d) after its end at event %d had been told", a.State, a.Sequence, last))
		}
	}
	for i := range j.Reads {
		a := &j.Reads[i]
		if a.Status == http.StatusNotFound && j.Record(a.ID) != nil && !h.inDoubt(a.Done()) {
			wrong = append(wrong, a.ID+" was said not to exist, and does")
		}
	}
	return wrong
}

// endReportedBefore returns the sequence number of the newest end of the job that
// an answer had reported before the request was sent.
func (h *History) endReportedBefore(answers []*Request, r *Request) int64 {
	var last int64
	for _, a := range answers {
		if a.ID == r.ID && a.State.Terminal() && a.Done().Before(r.At) && !h.inDoubt(a.Done()) {
			last = max(last, a.Sequence)
		}
	}
	return last
}

// cancelHolds: once a cancel was granted the run is canceled and stays so.
func cancelHolds(h *History, j *Job) []string {
	var wrong []string
	for i := range j.Cancels {
		c := &j.Cancels[i]
		r := j.Record(c.ID)
		if !c.OK() || r == nil || h.inDoubt(c.Done()) {
			continue
		}
		canceled := slices.ContainsFunc(r.Events, func(e Event) bool {
			return e.Type == tasks.EventCanceled && !e.At.After(c.Done().Add(grace))
		})
		if !canceled {
			wrong = append(wrong, "a cancel was granted, and the log has no "+string(tasks.EventCanceled)+" by then")
		}
		if len(j.Retries) == 0 && r.State != tasks.Canceled {
			wrong = append(wrong, fmt.Sprintf("a cancel was granted, and the job is %s", r.State))
		}
	}
	return wrong
}

// streamsAreWhole: a client that resumes where it was cut off sees every event
// once, as the log has it.
func streamsAreWhole(h *History, j *Job) []string {
	var wrong []string
	for _, s := range j.Streams {
		r := j.Record(s.ID)
		if r == nil {
			continue
		}
		if slices.ContainsFunc(s.Events, func(e Seen) bool { return h.inDoubt(e.At) }) {
			continue
		}
		for i, e := range s.Events {
			if want := int64(i + 1); e.Sequence != want {
				wrong = append(wrong, fmt.Sprintf("event %d came where %d belongs", e.Sequence, want))
				break
			}
			if logged := r.event(e.Sequence); logged == nil || logged.Type != e.Type {
				wrong = append(wrong, fmt.Sprintf("event %d came as %s, and the log does not have it so", e.Sequence, e.Type))
			}
		}
		if n := len(s.Events); s.Closed && (n == 0 || !s.Events[n-1].Type.Terminal()) {
			wrong = append(wrong, "the stream was ended before the job was")
		}
	}
	return wrong
}

// answersAreExpected: the API answers as its contract says also when all about
// it falls: it grants, or says that it cannot now and when to come back.
func answersAreExpected(h *History, j *Job) []string {
	var wrong []string
	check := func(what string, list []Request, allowed ...int) {
		for i := range list {
			r := &list[i]
			switch {
			case r.Status == 0 || r.OK() || slices.Contains(allowed, r.Status):
			case r.Status == http.StatusServiceUnavailable && r.Later:
			case r.Status == http.StatusServiceUnavailable:
				wrong = append(wrong, what+" got a 503 that says not when to come back")
			case r.Status == http.StatusNotFound && j.goneExcused(h, r.ID):
			case r.Status == http.StatusBadRequest && h.tooLate(j, r):
			default:
				wrong = append(wrong, fmt.Sprintf("%s got %d: %s", what, r.Status, r.Err))
			}
		}
	}
	check("submit", j.Submits)
	check("read", j.Reads, http.StatusNotModified)
	check("cancel", j.Cancels, http.StatusConflict)
	check("retry", j.Retries, http.StatusConflict)
	return wrong
}

// goneExcused reports whether a job may be gone with a killed Redis.
func (j *Job) goneExcused(h *History, id string) bool {
	excused, _ := h.Lost(j)
	return slices.Contains(excused, id)
}

// farthestJump is how far Redis's clock may be ahead.
const farthestJump = 15 * time.Second

// tooLate reports whether the deadline that a submission asks for may have passed
// by Redis's clock.
func (h *History) tooLate(j *Job, r *Request) bool {
	at := r.Done().Add(time.Second)
	jumps := func(d Disturbance) bool { return d.Fault == Jump && d.overlaps(r.At, r.Done()) }
	if slices.ContainsFunc(h.Disturbances, jumps) {
		at = at.Add(farthestJump)
	}
	return !j.Deadline.IsZero() && at.After(j.Deadline)
}
