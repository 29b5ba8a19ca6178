package store_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// TestModel runs random operations of callers, workers and watchdogs on a few
// jobs, over a link that loses replies and delivers calls twice, and compares
// every job with its spec, and what the jobs share with what they say. In the
// end every job must end, though no worker lives any more.
//
// A longer run: go test ./tasks/store -run TestModel -rapid.checks=10000
func TestModel(t *testing.T) {
	link, rdb := newLink(t)
	rapid.Check(t, func(t *rapid.T) {
		link.server.FlushAll()
		m := newMachine(t, link, rdb)
		m.create(t)
		m.create(t)
		t.Repeat(map[string]func(*rapid.T){
			"":             m.check,
			"adopt":        m.adopt,
			"advance":      m.advance,
			"append":       m.append,
			"cancel":       m.cancel,
			"claim":        m.claim,
			"claim again":  m.claim, // twice as likely
			"complete":     m.complete,
			"create":       m.create,
			"fail":         m.fail,
			"hurry":        m.hurry,
			"late":         m.late,
			"late again":   m.late,
			"look":         m.look,
			"release":      m.release,
			"renew":        m.renew,
			"retry":        m.retry,
			"script flush": m.flush,
			"spend":        m.spend,
			"unfollow":     m.unfollow,
			"watchdog":     m.watchdog,
		})
		m.drain(t)
	})
}

// advance moves the clock to a time that matters, or by a little.
func (m *machine) advance(t *rapid.T) {
	to := m.now.Add(time.Duration(rapid.SampledFrom([]int{1, 900, 4000, 8000}).Draw(t, "ms")) * time.Millisecond)
	if len(m.jobs) > 0 && rapid.Bool().Draw(t, "to what is next") {
		j := m.job(t)
		next := []time.Time{j.due, j.deadline, j.runAt}
		if j.state.Terminal() {
			next = append(next, j.ended.Add(j.retention))
		}
		to = rapid.SampledFrom(next).Draw(t, "time")
	}
	if !to.After(m.now) {
		t.Skip("that is past")
	}
	m.setTime(to)
}

func (m *machine) create(t *rapid.T) {
	j := draft()
	j.CreatedAt = m.now
	wait := time.Duration(rapid.SampledFrom([]int{0, 0, 0, 20, -20}).Draw(t, "run at")) * time.Second
	if wait != 0 {
		j.RunAt = m.now.Add(wait)
	}
	wait = max(wait, 0)
	deadline := time.Duration(rapid.SampledFrom([]int{60, 20, 6, 0}).Draw(t, "deadline")) * time.Second
	spill := time.Duration(rapid.SampledFrom([]int{0, 3, 10}).Draw(t, "spill")) * time.Second
	j.TargetAt, j.SpillAt, j.Deadline = m.now.Add(wait), m.now.Add(wait+spill), m.now.Add(wait+deadline)
	j.Retention = tasks.Duration(time.Duration(rapid.SampledFrom([]int{60, 6}).Draw(t, "retention")) * time.Minute)
	if rapid.Bool().Draw(t, "callback") {
		j.CallbackURL = "https://example.com"
	}
	if rapid.Bool().Draw(t, "strict") {
		j.Lanes = j.Lanes[:2]
	}
	var once store.Idempotency
	if rapid.Bool().Draw(t, "once") {
		once.Key = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")
		once.Fingerprint = rapid.SampledFrom([]string{"x", "y"}).Draw(t, "body")
		j.ID = m.stores[0].NewID(tenant, once)
	}
	leader := ""
	if wait == 0 && rapid.Bool().Draw(t, "follows") {
		leader = m.leader(t)
	}
	var id string
	c := m.send(t, func(s *store.Store) (err error) {
		id, err = s.CreateFollowing(t.Context(), j, json.RawMessage(`{"x":1}`), once, leader)
		return err
	})
	if key := m.keys[once.Key]; key != nil && m.now.Before(key.until) {
		if key.body == once.Fingerprint {
			c.expect("replay", c.err, nil)
			c.expect("replayed job", id, key.job)
		} else {
			c.expect("create with a used key", tasks.CodeOf(c.err), tasks.CodeKeyReused)
		}
		return
	}
	if m.full(j.ID) {
		c.expect("create beyond the quota", tasks.CodeOf(c.err), tasks.CodeQuota)
		return
	}
	if once.Key != "" {
		m.keys[once.Key] = &keyUse{body: once.Fingerprint, job: j.ID, until: m.now.Add(store.IdempotencyKept)}
	}
	s := &spec{number: len(m.jobs), id: j.ID, lanes: j.Lanes, callback: j.CallbackURL != "", retention: j.Retention.Std(), follows: leader}
	s.create(m.now, wait, spill, deadline)
	m.jobs = append(m.jobs, s)
	c.did(s, "create", func(time.Time) {})
	c.expect("create", c.err, nil)
	c.expect("created job", id, j.ID)
	c.expect("created state", j.State, s.state)
}

// cancel cancels a job, sometimes of another tenant.
func (m *machine) cancel(t *rapid.T) {
	m.own(t, "cancel", m.job(t, tasks.Running, tasks.Queued, tasks.Scheduled), (*store.Store).Cancel, (*spec).cancel)
}

// retry starts a new run of a job, sometimes of another tenant.
func (m *machine) retry(t *rapid.T) {
	m.own(t, "retry", m.job(t, tasks.Canceled, tasks.Failed), (*store.Store).Retry, func(j *spec, now time.Time, call int) tasks.Code {
		return j.retry(now, call, m.full(j.id))
	})
}

// own does what only a job's owner may do.
func (m *machine) own(t *rapid.T, name string, j *spec,
	do func(*store.Store, context.Context, string, string) (*tasks.Job, error), effect func(*spec, time.Time, int) tasks.Code,
) {
	owner := rapid.SampledFrom([]string{tenant, tenant, tenant, "another"}).Draw(t, "tenant")
	c := m.send(t, func(s *store.Store) error {
		_, err := do(s, t.Context(), owner, j.id)
		return err
	})
	if owner != tenant {
		c.expect(name+" by another", tasks.CodeOf(c.err), tasks.CodeNotFound)
		return
	}
	want := effect(j, m.now, c.number)
	c.did(j, name, func(now time.Time) { effect(j, now, c.number) })
	c.expect(name, tasks.CodeOf(c.err), want)
}

// hurry makes due what waits in a queue.
func (m *machine) hurry(t *rapid.T) {
	queue := rapid.SampledFrom([]string{"local.high", "cloud.high"}).Draw(t, "queue")
	want := 0
	for _, j := range m.jobs {
		if j.state == tasks.Queued && j.queue() == queue {
			j.due = m.now.Add(-10 * time.Second)
			want++
		}
	}
	n, err := m.stores[0].Hurry(t.Context(), queue)
	if n != want || err != nil {
		t.Fatalf("hurry: got %d, %v, want %d", n, err, want)
	}
}

// flush makes Redis forget all scripts.
func (m *machine) flush(t *rapid.T) {
	if err := m.rdb.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatalf("script flush: %v", err)
	}
}

// late delivers an old call once more.
func (m *machine) late(t *rapid.T) {
	if len(m.sent) == 0 {
		t.Skip("nothing was sent yet")
	}
	d := m.sent[len(m.sent)-1-rapid.IntRange(0, min(len(m.sent)-1, 7)).Draw(t, "call, from the last")]
	if d.job.gone(m.now) {
		t.Skip("its job is no longer kept")
	}
	ran := m.link.deliver(t, d.call)
	t.Logf("late %s of job %d: ran %t", d.name, d.job.number, ran)
	if ran {
		d.effect(m.now)
	}
	m.touched[d.job] = true
}
