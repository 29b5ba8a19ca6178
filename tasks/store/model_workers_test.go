package store_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"pgregory.net/rapid"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

func (m *machine) claim(t *rapid.T) {
	j := m.job(t, tasks.Queued)
	lane := rapid.SampledFrom(tasks.Lanes()).Draw(t, "lane")
	m.take(t, j, lane)
}

// take claims a job and remembers who holds it.
func (m *machine) take(t *rapid.T, j *spec, lane tasks.Lane) *holder {
	var got *store.Claim
	c := m.send(t, func(s *store.Store) (err error) {
		got, err = s.Claim(t.Context(), j.id, lane, "w1")
		return err
	})
	want := j.claim(m.now, c.number, lane)
	c.did(j, "claim on "+string(lane), func(now time.Time) { j.claim(now, c.number, lane) })
	c.expect("claim", c.err, nil)
	if !c.answered {
		return nil
	}
	c.expect("claim", got.Verdict, want)
	switch want {
	case store.Busy:
		c.expect("wait", got.Wait, max(0, j.due.Sub(m.now)))
	case store.Follows:
		c.expect("leader", got.Leader, j.follows)
	case store.Claimed:
		c.expect("attempt", got.Job.Attempt, j.attempt)
		c.expect("input", string(got.Input), `{"x":1}`)
		c.expect("time left", got.Left, j.deadline.Sub(m.now))
		h := &holder{job: j, store: c.store, lane: lane, attempt: j.attempt}
		m.holders = append(m.holders, h)
		return h
	}
	return nil
}

// write has the holder of a claim, perhaps an old one, write to its job.
func (m *machine) write(t *rapid.T, name string, call func(*holder) error, effect func(*holder) error) {
	h := m.holder(t)
	c := m.send(t, func(*store.Store) error { return call(h) })
	want := effect(h)
	c.did(h.job, name+" by attempt "+strconv.Itoa(h.attempt), func(now time.Time) {
		if name == "renew" { // all others are known when they come again
			_ = h.job.renew(now, h.attempt)
		}
	})
	c.expect(name, c.err, want)
}

func (m *machine) renew(t *rapid.T) {
	m.write(t, "renew",
		func(h *holder) error { return h.store.Renew(t.Context(), h.job.id, h.attempt) },
		func(h *holder) error { return h.job.renew(m.now, h.attempt) })
}

func (m *machine) append(t *rapid.T) {
	told := news(t, 1)
	m.write(t, "append",
		func(h *holder) error { return h.store.Append(t.Context(), h.job.id, h.attempt, told...) },
		func(h *holder) error { return h.job.append(m.now, h.attempt, told) })
}

// news draws what an attempt has to tell: at least so many events.
func news(t *rapid.T, least int) []store.LogEvent {
	var told []store.LogEvent
	for _, typ := range rapid.SliceOfN(rapid.SampledFrom([]tasks.EventType{tasks.EventDelta, tasks.EventProgress}), least, 3).Draw(t, "news") {
		told = append(told, store.LogEvent{Type: typ, Data: json.RawMessage(`{}`)})
	}
	return told
}

func (m *machine) complete(t *rapid.T) {
	output, told := json.RawMessage(strconv.Itoa(m.calls)), news(t, 0)
	m.write(t, "complete",
		func(h *holder) error {
			return h.store.Complete(t.Context(), h.job.id, h.attempt, store.Result{Output: output}, record(h, "complete"), told...)
		},
		func(h *holder) error {
			return h.job.settle(m.now, h.attempt, "complete", func() {
				h.job.tellAll(told)
				h.job.result = string(output)
				h.job.finish(m.now, tasks.Succeeded)
			})
		})
}

func (m *machine) fail(t *rapid.T) {
	told := news(t, 0)
	m.write(t, "fail",
		func(h *holder) error {
			return h.store.Fail(t.Context(), h.job.id, h.attempt, tasks.Errorf(tasks.CodeExhausted, "no luck"), record(h, "fail"), told...)
		},
		func(h *holder) error {
			return h.job.settle(m.now, h.attempt, "fail", func() {
				h.job.tellAll(told)
				h.job.failure = tasks.CodeExhausted
				h.job.finish(m.now, tasks.Failed)
			})
		})
}

func (m *machine) release(t *rapid.T) {
	r, told := store.Release{Reason: store.ReasonShutdown}, news(t, 0)
	kind := rapid.SampledFrom([]string{"shutdown", "exhausted", "first again", "waiting"}).Draw(t, "why")
	if kind == "waiting" {
		r = store.Release{Reason: store.ReasonWaiting, Forgive: true, Recheck: 50 * time.Second}
	}
	m.write(t, "release",
		func(h *holder) error {
			if (kind == "exhausted" || kind == "first again") && h.lane != tasks.Scorecard {
				r = store.Release{Reason: store.ReasonExhausted, Exhausted: h.lane, Forgive: kind == "first again"}
			}
			return h.store.Release(t.Context(), h.job.id, h.attempt, r, record(h, "release"), told...)
		},
		func(h *holder) error {
			return h.job.settle(m.now, h.attempt, "release", func() {
				h.job.tellAll(told)
				h.job.release(m.now, r)
			})
		})
}

func (m *machine) spend(t *rapid.T) {
	sofar := tasks.Money(rapid.IntRange(1, 9).Draw(t, "so far"))
	m.write(t, "spend",
		func(h *holder) error { return h.store.Spend(t.Context(), h.job.id, h.attempt, sofar) },
		func(h *holder) error { return h.job.spend(m.now, h.attempt, sofar) })
}

// record is what a holder says of its attempt.
func record(h *holder, outcome string) []tasks.Attempt {
	return []tasks.Attempt{{Number: h.attempt, Lane: h.lane, Outcome: outcome}}
}

// holder draws a claim: mostly one of the last, to get somewhere.
func (m *machine) holder(t *rapid.T) *holder {
	if len(m.holders) == 0 {
		t.Skip("no claims yet")
	}
	back := rapid.IntRange(0, min(len(m.holders)-1, 7)).Draw(t, "claim, from the last")
	return m.holders[len(m.holders)-1-back]
}

// look has a watchdog look at a job, due or not.
func (m *machine) look(t *rapid.T) {
	m.overdue(t, m.job(t))
}

// watchdog has a watchdog look at every job that is due.
func (m *machine) watchdog(t *rapid.T) {
	ids, err := m.stores[0].Due(t.Context(), 100)
	if err != nil {
		t.Fatalf("due: %v", err)
	}
	n := 0
	for _, j := range m.jobs {
		if !j.due.IsZero() && !j.due.After(m.now) {
			n++
			if !slices.Contains(ids, j.id) {
				t.Fatalf("job %d is due and not listed", j.number)
			}
			m.overdue(t, j)
		}
	}
	if n != len(ids) {
		t.Fatalf("due: got %d jobs, want %d", len(ids), n)
	}
}

// overdue looks at one job and does what a watchdog must do.
func (m *machine) overdue(t *rapid.T, j *spec) {
	var got store.Overdue
	c := m.send(t, func(s *store.Store) (err error) {
		got, err = s.Overdue(t.Context(), j.id, true, 0)
		return err
	})
	want := j.overdue(m.now, c.number)
	c.did(j, "look: "+string(want), func(now time.Time) { j.overdue(now, c.number) })
	c.expect("overdue", c.err, nil)
	c.expect("overdue", got, want)
	if want == store.Expired && c.answered {
		if h := m.take(t, j, tasks.Scorecard); h != nil {
			m.holders = m.holders[:len(m.holders)-1]
			m.expire(t, h)
		}
	}
}

// expire ends a job whose deadline has passed, as a watchdog does.
func (m *machine) expire(t *rapid.T, h *holder) {
	output := json.RawMessage(`{"degraded":true}`)
	c := m.send(t, func(*store.Store) error {
		return h.store.Complete(t.Context(), h.job.id, h.attempt, store.Result{Output: output, Degraded: true}, record(h, "complete"))
	})
	err := h.job.settle(m.now, h.attempt, "complete", func() {
		h.job.result = string(output)
		h.job.finish(m.now, tasks.Succeeded)
	})
	c.did(h.job, "expire", func(time.Time) {})
	c.expect("expire", c.err, err)
}
