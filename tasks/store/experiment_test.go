package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

func TestOutcomesAreTalliedByVariant(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		plain := &tasks.Job{Agent: "A02", AgentVersion: "v1", Variant: "plain"}
		terse := &tasks.Job{Agent: "A02", AgentVersion: "v1", Variant: "terse"}
		good := tasks.Attempt{Lane: tasks.Cloud, Outcome: tasks.OutcomeSucceeded, Tokens: tasks.Tokens{Input: 1000, Output: 300, Reasoning: 100}, Cost: 5000}
		bad := tasks.Attempt{Lane: tasks.Local, Outcome: "bad_output", Tokens: tasks.Tokens{Input: 1000, Output: 900}}
		slow := tasks.Attempt{Lane: tasks.Local, Outcome: tasks.OutcomeTooSlow}
		rules := tasks.Attempt{Lane: tasks.Scorecard, Outcome: tasks.OutcomeSucceeded}
		learn(t, s, func(l *store.Samples) { l.Count(plain, store.Tallied{Calls: []tasks.Attempt{bad}}) })
		var rest store.Samples
		for _, c := range []struct {
			job *tasks.Job
			t   store.Tallied
		}{
			{plain, store.Tallied{Ended: tasks.Succeeded, By: tasks.Cloud, Took: 4 * time.Second, Calls: []tasks.Attempt{slow, good}}},
			{plain, store.Tallied{Ended: tasks.Succeeded, By: tasks.Cloud, Took: 16 * time.Second, Calls: []tasks.Attempt{good}}},
			{terse, store.Tallied{Ended: tasks.Succeeded, By: tasks.Scorecard, Calls: []tasks.Attempt{bad, rules}}},
			{terse, store.Tallied{Ended: tasks.Failed}},
		} {
			rest.Count(c.job, c.t)
		}
		if err := s.Learn(t.Context(), &rest); err != nil {
			t.Fatal(err)
		}
		got, err := s.Tallies(t.Context(), "A02")
		if err != nil || len(got) != 2 {
			t.Fatalf("got %+v, %v", got, err)
		}
		p, q := got[0], got[1]
		median, p95 := p.Median.Std(), p.P95.Std()
		p.Median, p.P95 = 0, 0
		if want := (store.Tally{
			Agent: "A02", Version: "v1", Variant: "plain", Succeeded: 2, Calls: 3, FailedCalls: 1, Cost: 10000,
			Tokens: tasks.Tokens{Input: 3000, Output: 1500, Reasoning: 200},
		}); p != want {
			t.Errorf("got %+v\nwant %+v", p, want)
		}
		if median != 4*time.Second || p95 != 16*time.Second {
			t.Errorf("median %v, p95 %v: want the 4s and 16s that were seen", median, p95)
		}
		if want := (store.Tally{
			Agent: "A02", Version: "v1", Variant: "terse", Degraded: 1, Failed: 1, Calls: 1, FailedCalls: 1,
			Tokens: tasks.Tokens{Input: 1000, Output: 900},
		}); q != want {
			t.Errorf("got %+v\nwant %+v", q, want)
		}
		if none, err := s.Tallies(t.Context(), "A99"); err != nil || len(none) != 0 {
			t.Errorf("of an agent that never ran: %v, %v", none, err)
		}
	})
}

// An agent that is edited again and again does not fill Redis: what is known of
// its old versions is forgotten.
func TestOldVersionsAreForgotten(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		for i := range 105 {
			j := &tasks.Job{Agent: "A02", AgentVersion: fmt.Sprintf("v%03d", i)}
			learn(t, s, func(l *store.Samples) { l.Count(j, store.Tallied{Ended: tasks.Failed}) })
		}
		got, err := s.Tallies(t.Context(), "A02")
		if err != nil || len(got) != 100 || got[99].Version != "v104" {
			t.Errorf("got %d versions, %v, want the last 100", len(got), err)
		}
		for _, key := range rdb.Keys(t.Context(), "*").Val() {
			if ttl := rdb.PTTL(t.Context(), key).Val(); ttl <= 0 {
				t.Errorf("%s is kept for ever", key)
			}
		}
	})
}

// Quantiles are counted: none exceeds the longest duration, however they spread.
func TestDurationsAreCounted(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		j := &tasks.Job{Agent: "A02", AgentVersion: "v1"}
		var l store.Samples
		for i := range 100 {
			took := time.Duration(3+i%4) * time.Millisecond
			if i >= 93 {
				took = time.Duration(45+2*(i-93)) * time.Second
			}
			l.Count(j, store.Tallied{Ended: tasks.Succeeded, By: tasks.Local, Took: took})
		}
		if err := s.Learn(t.Context(), &l); err != nil {
			t.Fatal(err)
		}
		got, err := s.Tallies(t.Context(), "A02")
		if err != nil || len(got) != 1 {
			t.Fatalf("got %v, %v", got, err)
		}
		if median, p95 := got[0].Median.Std(), got[0].P95.Std(); median != 5*time.Millisecond || p95 < 45*time.Second || p95 > 50*time.Second {
			t.Errorf("median %v, p95 %v: want 5ms, and from 45s to 50s", median, p95)
		}
	})
}
