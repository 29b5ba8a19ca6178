package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// machine is the system under test beside its model.
type machine struct {
	link   *link
	rdb    *redis.Client
	stores []*store.Store // of several processes
	now    time.Time
	calls  int

	faultless bool // the link loses nothing

	jobs    []*spec
	keys    map[string]*keyUse // idempotency keys in use
	holders []*holder
	sent    []duplicate

	touched map[*spec]bool     // jobs that the last action may have changed
	read    map[string]int     // entries read of each shard's outbox
	told    map[string][]entry // what the outbox told of each job
}

// keyUse is what an idempotency key was used for.
type keyUse struct {
	body  string
	job   string
	until time.Time
}

// holder is one claim of a job, as its worker knows it.
type holder struct {
	job     *spec
	store   *store.Store
	lane    tasks.Lane
	attempt int
}

// duplicate is a script call that may be delivered once more, and what it does
// then.
type duplicate struct {
	name   string
	job    *spec
	call   []byte
	effect func(now time.Time)
}

func newMachine(t *rapid.T, l *link, rdb *redis.Client) *machine {
	l.losing(0)
	l.server.FlushAll()
	m := &machine{
		link: l, rdb: rdb, keys: map[string]*keyUse{},
		touched: map[*spec]bool{}, read: map[string]int{}, told: map[string][]entry{},
	}
	m.setTime(epoch)
	for range 2 {
		s := store.New(rdb, store.Config{Shards: 2, Lease: lease, Recheck: recheck, Retention: time.Hour, Quota: 2 * quota})
		t.Cleanup(func() { s.Close() })
		m.stores = append(m.stores, s)
	}
	return m
}

func (m *machine) setTime(to time.Time) {
	m.now = to
	m.link.server.SetTime(to)
}

// job draws one of the jobs, mostly one in one of the given states: others
// refuse what is done to them.
func (m *machine) job(t *rapid.T, states ...tasks.State) *spec {
	apt := slices.DeleteFunc(slices.Clone(m.jobs), func(j *spec) bool { return !slices.Contains(states, j.state) })
	if len(apt) == 0 || rapid.IntRange(0, 3).Draw(t, "any job") == 3 {
		apt = m.jobs
	}
	return apt[rapid.IntRange(0, len(apt)-1).Draw(t, "job")]
}

// call is one call of a store, and what came of it.
type call struct {
	t        *rapid.T
	m        *machine
	number   int
	store    *store.Store
	lost     int
	answered bool // else all replies were lost, and the script has run all the same
	err      error
}

// send calls a store over the link, which may lose replies.
func (m *machine) send(t *rapid.T, do func(*store.Store) error) *call {
	m.calls++
	c := &call{t: t, m: m, number: m.calls, store: m.stores[m.calls%len(m.stores)]}
	if !m.faultless {
		c.lost = rapid.SampledFrom([]int{0, 0, 0, 0, 1, 2, 1 + maxRetries}).Draw(t, "replies lost")
	}
	fault := 0
	if !m.faultless && c.lost == 0 {
		fault = max(0, rapid.IntRange(-20, 30).Draw(t, "command that fails"))
	}
	m.link.fault.At(fault)
	m.link.losing(c.lost)
	c.err = do(c.store)
	m.link.losing(0)
	if fired := m.link.fault.Fired(); fired != "" {
		t.Logf("injected an error: command %d, %s; the call returned %v", fault, fired, c.err)
		m.link.fault.At(0)
		sent := m.link.last()
		m.goOn(t)
		m.link.sent = sent
		if c.err != nil && strings.Contains(fmt.Sprintf("%+v %v", c.err, errors.Unwrap(c.err)), "(injected)") { // nothing was done
			c.err = do(c.store)
		}
	}
	m.link.fault.At(0)
	c.answered = c.lost <= maxRetries
	if code := tasks.CodeOf(c.err); !c.answered && code != tasks.CodeUnavailable {
		t.Fatalf("a call without an answer: got %q, want %q", code, tasks.CodeUnavailable)
	}
	return c
}

// goOn has a script of each job finish what one has left undone that failed.
func (m *machine) goOn(t *rapid.T) {
	ids := map[string]bool{}
	for _, key := range m.link.server.Keys() {
		if part := jobKey.FindStringSubmatch(key); part != nil && part[2] == "" {
			ids[part[1]] = true
		}
	}
	for id := range ids {
		// An attempt that never was: the script refuses it, and goes on all the same.
		if err := m.stores[0].Renew(t.Context(), id, 0); !errors.Is(err, store.ErrStale) {
			t.Fatalf("go on: got %v, want %v", err, store.ErrStale)
		}
		if j, err := m.stores[0].Find(t.Context(), id); err == nil && j.State.Terminal() {
			if found, err := m.stores[0].Overdue(t.Context(), id, true, 0); err != nil || found != store.Fresh {
				t.Fatalf("go on: got %s, %v, want %s", found, err, store.Fresh)
			}
		}
	}
}

// expect compares what the call returned, if it was answered.
func (c *call) expect(what string, got, want any) {
	if c.answered && got != want {
		c.t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// did notes that the call concerned a job, and what it does if it is delivered
// once more.
func (c *call) did(j *spec, name string, again func(now time.Time)) {
	c.t.Logf("%v job %d: %s, %d replies lost; now %s", c.m.now.Sub(epoch), j.number, name, c.lost, j.state)
	c.m.touched[j] = true
	c.m.sent = append(c.m.sent, duplicate{name, j, c.m.link.last(), again})
}
