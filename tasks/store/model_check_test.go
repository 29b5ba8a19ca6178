package store_test

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/topcentral/spillway/tasks"
)

// entry is what the outbox tells of a state change.
type entry struct {
	typ      string
	sequence int
	attempt  int
	callback bool
}

var shards = []string{"spillway:{0}:", "spillway:{1}:"}

// check compares the store with the model after each action.
func (m *machine) check(t *rapid.T) {
	m.checkKeys(t)
	m.checkSets(t)
	m.checkCounters(t)
	m.readOutbox(t)
	for _, j := range m.jobs {
		if m.touched[j] {
			m.compare(t, j)
		}
	}
	clear(m.touched)
	if m.link.slots != "" {
		t.Fatalf("the keys of one script are in the slots %s", m.link.slots)
	}
}

var jobKey = regexp.MustCompile(`:job:(job_[0-9a-f]{32})(:\w+)?$`)

// checkKeys: a job has its keys, without expiry until it has ended; all of them
// are gone when its retention is over, and nothing else is left behind.
func (m *machine) checkKeys(t *rapid.T) {
	have := map[string][]string{}
	for _, key := range m.link.server.Keys() {
		if part := jobKey.FindStringSubmatch(key); part != nil {
			have[part[1]] = append(have[part[1]], key)
		} else if kept := m.link.server.TTL(key) > 0; kept != strings.Contains(key, ":idem:") {
			t.Fatalf("%s expires: %t", key, kept)
		}
	}
	for _, j := range m.jobs {
		want := 2 // record, input
		if len(j.log) > 1 || j.log[0].typ != tasks.EventQueued {
			want++ // events
		}
		var ttl time.Duration
		switch {
		case j.gone(m.now):
			want = 0
		case j.state == tasks.Succeeded:
			want++
		}
		if j.state.Terminal() {
			ttl = j.ended.Add(j.retention).Sub(m.now)
		}
		keys := have[j.id]
		delete(have, j.id)
		if len(keys) != want {
			t.Fatalf("keys of job %d: got %v, want %d", j.number, keys, want)
		}
		for _, key := range keys {
			if got := m.link.server.TTL(key); got != ttl {
				t.Fatalf("%s: got a TTL of %v, want %v", key, got, ttl)
			}
		}
	}
	if len(have) > 0 {
		t.Fatalf("keys of jobs that do not exist: %v", have)
	}
}

// checkSets: due holds every job that has not ended and no other, by the time
// at which a watchdog must look at it; waiting holds those that are queued, by queue and by agent; the
// tenant's list has all, and ended those that it is to forget, and when.
func (m *machine) checkSets(t *rapid.T) {
	due, waiting, listed, ended := map[string]float64{}, map[string]float64{}, map[string]float64{}, map[string]float64{}
	for _, shard := range shards {
		for name, into := range map[string]map[string]float64{"due": due, "waiting": waiting, "idx:" + tenant: listed, "ended": ended} {
			if set, err := m.link.server.SortedSet(shard + name); err == nil {
				maps.Copy(into, set)
			}
		}
	}
	wantDue, wantWaiting, wantListed, wantEnded := map[string]float64{}, map[string]float64{}, map[string]float64{}, map[string]float64{}
	for _, j := range m.jobs {
		wantListed[j.id] = 0
		if j.state.Terminal() {
			wantEnded[j.id+" "+tenant] = float64(j.ended.Add(j.retention).UnixMilli())
		}
		if !j.state.Terminal() {
			wantDue[j.id] = float64(j.due.UnixMilli())
		}
		if j.state == tasks.Queued {
			lane, _, _ := strings.Cut(j.queue(), ".")
			since := ":" + strconv.FormatInt(j.since.UnixMilli(), 10) + ":" + j.id
			wantWaiting[j.queue()+since], wantWaiting[lane+"/"+draft().Agent+since] = 0, 0
		}
	}
	for name, sets := range map[string][2]map[string]float64{
		"due": {due, wantDue}, "waiting": {waiting, wantWaiting}, "listed": {listed, wantListed}, "ended": {ended, wantEnded},
	} {
		if !maps.Equal(sets[0], sets[1]) {
			t.Fatalf("%s: got %v, want %v", name, sets[0], sets[1])
		}
	}
}

// checkCounters: the gauges say how many jobs are in each state, the totals how
// often each was entered.
func (m *machine) checkCounters(t *rapid.T) {
	want := map[string]int{}
	for _, j := range m.jobs {
		if !j.state.Terminal() {
			want["now:"+string(j.state)]++
		}
		if j.state == tasks.Scheduled || j.state == tasks.Queued {
			want["waiting:"+tenant]++
		}
		if j.answered != "" {
			want["total:cache"]++
			want["saved:picodollars"] += savedCost
			want["saved:tokens"] += savedTokens
		}
		for _, e := range j.log {
			if state, ok := stateOf(e.typ); ok {
				want["total:"+string(state)]++
			}
		}
	}
	names := []string{"waiting:" + tenant, "total:cache", "saved:picodollars", "saved:tokens"}
	for _, state := range tasks.States() {
		names = append(names, "now:"+string(state), "total:"+string(state))
	}
	for _, name := range names {
		got := 0
		for _, shard := range shards {
			n, _ := strconv.Atoi(m.link.server.HGet(shard+"counters", name))
			got += n
		}
		if got != want[name] {
			t.Fatalf("counter %s: got %d, want %d", name, got, want[name])
		}
	}
}

func stateOf(typ tasks.EventType) (tasks.State, bool) {
	state := tasks.State(strings.TrimPrefix(string(typ), "job."))
	return state, slices.Contains(tasks.States(), state)
}

// readOutbox takes down what the outbox has told since the last time.
func (m *machine) readOutbox(t *rapid.T) {
	for _, shard := range shards {
		entries, err := m.link.server.Stream(shard + "outbox")
		if err != nil {
			continue // nothing has happened in this shard
		}
		for _, e := range entries[m.read[shard]:] {
			field := map[string]string{}
			for i := 0; i+1 < len(e.Values); i += 2 {
				field[e.Values[i]] = e.Values[i+1]
			}
			sequence, _ := strconv.Atoi(field["seq"])
			attempt, _ := strconv.Atoi(field["attempt"])
			if field["tenant"] != tenant || field["at"] != strconv.FormatInt(m.now.UnixMilli(), 10) {
				t.Fatalf("outbox: got %v", field)
			}
			m.told[field["job"]] = append(m.told[field["job"]], entry{field["type"], sequence, attempt, field["callback"] == "1"})
		}
		m.read[shard] = len(entries)
	}
}

// compare holds a job's record, log and outbox entries against its spec.
func (m *machine) compare(t *rapid.T, j *spec) {
	var want []entry
	for i, e := range j.log {
		if _, ok := stateOf(e.typ); ok {
			want = append(want, entry{string(e.typ), i + 1, e.attempt, j.callback})
		}
	}
	if got := m.told[j.id]; !slices.Equal(got, want) {
		t.Fatalf("the outbox on job %d: got %v, want %v", j.number, got, want)
	}
	got, err := m.stores[0].Job(t.Context(), tenant, j.id)
	if j.gone(m.now) {
		if tasks.CodeOf(err) != tasks.CodeNotFound {
			t.Fatalf("job %d after its retention: got %v", j.number, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("read job %d: %v", j.number, err)
	}
	events, err := m.stores[0].Events(t.Context(), j.id, 0, 1000)
	if err != nil {
		t.Fatalf("read events of job %d: %v", j.number, err)
	}
	m.compareRecord(t, j, got)
	m.compareEvents(t, j, events)
	lawful(t, j, got, events)
}

func (m *machine) compareRecord(t *rapid.T, j *spec, got *tasks.Job) {
	var failure tasks.Code
	if got.Error != nil {
		failure = got.Error.Code
	}
	expires := time.Time{}
	if !j.ended.IsZero() {
		expires = j.ended.Add(j.retention)
	}
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"state", got.State, j.state},
		{"attempt", got.Attempt, j.attempt},
		{"lane", got.Lane, j.lane},
		{"crashes", got.Crashes, j.crashes},
		{"cost", got.Cost, j.cost()},
		{"sequence", got.Sequence, int64(len(j.log))},
		{"result", string(got.Result), j.result},
		{"error", failure, j.failure},
		{"run at", got.RunAt, j.runAt},
		{"deadline", got.Deadline, j.deadline},
		{"started", got.StartedAt, j.started},
		{"ended", got.EndedAt, j.ended},
		{"expires", got.ExpiresAt, expires},
		{"exhausted", joined(got.Exhausted), joined(j.exhausted)},
		{"answered as", got.AnsweredAs, j.answered},
		{"waiting", got.Waiting != nil, j.state == tasks.Queued},
	} {
		if c.got != c.want {
			t.Fatalf("%s of job %d: got %v, want %v", c.what, j.number, c.got, c.want)
		}
	}
	records := make([]string, len(got.Attempts))
	for i, a := range got.Attempts {
		records[i] = strconv.Itoa(a.Number) + " " + a.Outcome
	}
	if !slices.Equal(records, j.records) {
		t.Fatalf("attempts of job %d: got %v, want %v", j.number, records, j.records)
	}
	if j.state == tasks.Queued {
		want := 1
		for _, o := range m.jobs {
			if o.state == tasks.Queued && o.queue() == j.queue() && o.before(j) {
				want++
			}
		}
		if n, err := m.stores[0].Position(t.Context(), got); n != want || err != nil {
			t.Fatalf("position of job %d: got %d, %v, want %d", j.number, n, err, want)
		}
	}
}

func joined(lanes []tasks.Lane) string {
	names := make([]string, len(lanes))
	for i, l := range lanes {
		names[i] = string(l)
	}
	return strings.Join(names, ",")
}
