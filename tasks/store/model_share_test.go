package store_test

import (
	"encoding/json"
	"hash/crc32"
	"strconv"
	"time"

	"pgregory.net/rapid"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

const (
	// quota is how many jobs may wait in each of the model's shards.
	quota = 3
	// What a shared result of the model spares whoever gets it.
	savedCost   = 7
	savedTokens = 3
)

// full reports whether no job of that ID may come to those that wait.
func (m *machine) full(id string) bool {
	n := 0
	for _, j := range m.jobs {
		if shardOf(j.id) == shardOf(id) && (j.state == tasks.Queued || j.state == tasks.Scheduled) {
			n++
		}
	}
	return n >= quota
}

func shardOf(id string) uint32 { return crc32.ChecksumIEEE([]byte(id)) % uint32(len(shards)) }

// leader draws the ID of a job to wait for, "" as long as there is none.
func (m *machine) leader(t *rapid.T) string {
	if len(m.jobs) == 0 {
		return ""
	}
	return m.job(t).id
}

// adopt ends a job with the result of an equal one.
func (m *machine) adopt(t *rapid.T) {
	j, from := m.job(t, tasks.Queued), m.leader(t)
	output := json.RawMessage(strconv.Itoa(m.calls))
	var got bool
	c := m.send(t, func(s *store.Store) (err error) {
		got, err = s.CompleteShared(t.Context(), j.id, &store.Shared{
			JobID: from, Output: output, Cost: savedCost, Tokens: tasks.Tokens{Input: 1, Output: savedTokens - 1},
		})
		return err
	})
	want := j.adopt(m.now, from, string(output))
	c.did(j, "adopt", func(now time.Time) { j.adopt(now, from, string(output)) })
	c.expect("adopt", c.err, nil)
	if c.lost == 0 { // a repeat finds that the job has ended
		c.expect("adopt", got, want)
	}
}

func (s *spec) adopt(now time.Time, from, result string) bool {
	if s.gone(now) || s.state != tasks.Queued {
		return false
	}
	s.settled, s.result, s.answered, s.follows = strconv.Itoa(s.attempt)+" cache", result, from, ""
	s.finish(now, tasks.Succeeded)
	return true
}

// unfollow ends a job's waiting for an equal one, or has it wait for another.
func (m *machine) unfollow(t *rapid.T) {
	j := m.job(t, tasks.Queued)
	from, to := j.follows, ""
	if from == "" || rapid.IntRange(0, 3).Draw(t, "from another") == 3 {
		from = m.leader(t)
	}
	if rapid.Bool().Draw(t, "to another") {
		to = m.leader(t)
	}
	c := m.send(t, func(s *store.Store) error { return s.Unfollow(t.Context(), j.id, from, to) })
	j.unfollow(m.now, from, to)
	c.did(j, "unfollow", func(now time.Time) { j.unfollow(now, from, to) })
	c.expect("unfollow", c.err, nil)
}

func (s *spec) unfollow(now time.Time, from, to string) {
	if !s.gone(now) && s.state == tasks.Queued && s.follows == from {
		s.follows = to
	}
}
