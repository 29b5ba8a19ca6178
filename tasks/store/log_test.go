package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

func eventsKey(id string) string { return "spillway:{0}:job:" + id + ":events" }

// log returns a job's events as "<number> <type>", separated by commas.
func log(t *testing.T, s *store.Store, id string, after, limit int64) (text string, over bool) {
	t.Helper()
	events, over, err := s.Since(t.Context(), id, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]string, len(events))
	for i, e := range events {
		all[i] = fmt.Sprint(e.Sequence, " ", e.Type)
	}
	return strings.Join(all, ","), over
}

func TestALogIsReadFromAnyPlace(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		j := create(t, s)
		if n := rdb.Exists(t.Context(), eventsKey(j.ID)).Val(); n != 0 {
			t.Error("a queued job has a log of its own")
		}
		if got, over := log(t, s, j.ID, 0, 10); got != "1 job.queued" || over {
			t.Errorf("queued: got %q, over %v", got, over)
		}
		if got, over := log(t, s, j.ID, 1, 10); got != "" || over {
			t.Errorf("queued, after its only event: got %q, over %v", got, over)
		}
		hold(t, s, j.ID)
		if err := s.Complete(t.Context(), j.ID, 1, store.Result{Output: json.RawMessage(`{}`)}, nil); err != nil {
			t.Fatal(err)
		}
		later := create(t, s, func(j *tasks.Job) { j.RunAt = j.Deadline.Add(-1) })
		for _, c := range []struct {
			id           string
			after, limit int64
			want         string
			over         bool
		}{
			{j.ID, 0, 10, "1 job.queued,2 job.running,3 job.succeeded", true},
			{j.ID, 0, 1, "1 job.queued", false},
			{j.ID, 0, 2, "1 job.queued,2 job.running", false},
			{j.ID, 1, 10, "2 job.running,3 job.succeeded", true},
			{j.ID, 2, 10, "3 job.succeeded", true},
			{j.ID, 2, 1, "3 job.succeeded", false},
			{j.ID, 3, 10, "", true},
			{j.ID, 4, 10, "", true},
			{later.ID, 0, 10, "1 job.scheduled", false},
			{later.ID, 1, 10, "", false},
			{tasks.NewID(), 0, 10, "", true},
		} {
			if got, over := log(t, s, c.id, c.after, c.limit); got != c.want || over != c.over {
				t.Errorf("up to %d after %d: got %q, over %v; want %q, %v", c.limit, c.after, got, over, c.want, c.over)
			}
		}
	})
}

func TestALongLogKeepsItsNewestEvents(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		j := create(t, s)
		hold(t, s, j.ID)
		batch := make([]store.LogEvent, 500)
		for i := range batch {
			batch[i] = store.LogEvent{Type: tasks.EventDelta, Data: json.RawMessage(`{"text":"two words"}`)}
		}
		for range 12 {
			if err := s.Append(t.Context(), j.ID, 1, batch...); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Complete(t.Context(), j.ID, 1, store.Result{Output: json.RawMessage(`{}`)}, nil); err != nil {
			t.Fatal(err)
		}
		const last = 2 + 12*500 + 1
		var seen []int64
		for after := int64(0); ; {
			events, over, err := s.Since(t.Context(), j.ID, after, 700)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				seen, after = append(seen, e.Sequence), e.Sequence
			}
			if over {
				break
			}
		}
		if n := len(seen); n < 5000 || n > 5100 || seen[n-1] != last || seen[0] != last-int64(n)+1 {
			t.Errorf("got %d events, from %d to %d", n, seen[0], seen[n-1])
		}
		if got, over := log(t, s, j.ID, last-1, 10); got != fmt.Sprint(last, " job.succeeded") || !over {
			t.Errorf("the end: got %q, over %v", got, over)
		}
	})
}

// A job that an earlier version made has a stream for its log, which goes on.
func TestAStreamGoesOn(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		j := create(t, s)
		rdb.XAdd(t.Context(), &redis.XAddArgs{
			Stream: eventsKey(j.ID), ID: "1-0", Values: []string{"type", "job.queued", "attempt", "0", "at", "1", "data", "{}"},
		})
		if got, over := log(t, s, j.ID, 0, 10); got != "1 job.queued" || over {
			t.Errorf("queued: got %q, over %v", got, over)
		}
		hold(t, s, j.ID)
		if err := s.Complete(t.Context(), j.ID, 1, store.Result{Output: json.RawMessage(`{}`)}, nil); err != nil {
			t.Fatal(err)
		}
		if got, over := log(t, s, j.ID, 0, 10); got != "1 job.queued,2 job.running,3 job.succeeded" || !over {
			t.Errorf("got %q, over %v", got, over)
		}
		if got, over := log(t, s, j.ID, 3, 10); got != "" || !over {
			t.Errorf("after its end: got %q, over %v", got, over)
		}
	})
}

// A process of an earlier version begins a stream where a job has no log yet.
func TestAStreamThatBeginsWithTheSecondEvent(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		j := create(t, s)
		rdb.XAdd(t.Context(), &redis.XAddArgs{
			Stream: eventsKey(j.ID), ID: "2-0", Values: []string{"type", "job.running", "attempt", "1", "at", "1", "data", "{}"},
		})
		rdb.HSet(t.Context(), "spillway:{0}:job:"+j.ID, "seq", "2", "state", "running", "attempt", "1", "claimed", "1", "lease", "1")
		if err := s.Complete(t.Context(), j.ID, 1, store.Result{Output: json.RawMessage(`{}`)}, nil); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			after, limit int64
			want         string
			over         bool
		}{
			{0, 10, "1 job.queued,2 job.running,3 job.succeeded", true},
			{0, 2, "1 job.queued,2 job.running", false},
			{0, 1, "1 job.queued", false},
			{1, 10, "2 job.running,3 job.succeeded", true},
			{3, 10, "", true},
		} {
			if got, over := log(t, s, j.ID, c.after, c.limit); got != c.want || over != c.over {
				t.Errorf("up to %d after %d: got %q, over %v; want %q, %v", c.limit, c.after, got, over, c.want, c.over)
			}
		}
	})
}

// A process of an earlier version cannot add to a list, and leaves its events undone.
func TestEventsThatAnEarlierVersionLeftUndoneAreAdded(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		j := create(t, s)
		undone, err := json.Marshal([][]string{
			{"XADD", eventsKey(j.ID), "MAXLEN", "~", "5000", "2-0", "type", "job.running", "attempt", "1", "at", "1", "data", `{"lane":"local"}`},
			{"HINCRBY", "spillway:{0}:counters", "total:running", "1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		rdb.HSet(t.Context(), "spillway:{0}:job:"+j.ID, "undone", undone, "seq", "2", "state", "running", "attempt", "1", "claimed", "1", "lease", "1")
		if err := s.Complete(t.Context(), j.ID, 1, store.Result{Output: json.RawMessage(`{}`)}, nil); err != nil {
			t.Fatal(err)
		}
		if got, over := log(t, s, j.ID, 0, 10); got != "1 job.queued,2 job.running,3 job.succeeded" || !over {
			t.Errorf("got %q, over %v", got, over)
		}
		if n := rdb.HGet(t.Context(), "spillway:{0}:counters", "total:running").Val(); n != "1" {
			t.Errorf("total:running: got %s", n)
		}
	})
}
