package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// pages reads a list to its end and returns the IDs page by page.
func pages(t *testing.T, s *store.Store, tenant string, f tasks.JobFilter) [][]string {
	t.Helper()
	var all [][]string
	for {
		page, err := s.List(t.Context(), tenant, f)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, j := range page.Jobs {
			ids = append(ids, j.ID)
		}
		all = append(all, ids)
		if f.Before = page.Next; page.Next == "" {
			return all
		}
	}
}

func TestJobsAreListedNewestFirst(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		cfg := store.DefaultConfig()
		cfg.Shards = 3
		s := store.New(rdb, cfg)
		t.Cleanup(func() { _ = s.Close() })
		var mine []string
		for i := range 7 {
			j := &tasks.Job{
				ID: tasks.NewID(), Tenant: "acme", Agent: fmt.Sprintf("A%02d", i%2), Complexity: tasks.Low, Lanes: []tasks.Lane{tasks.Cloud},
				Metadata: map[string]string{"order": fmt.Sprint(i)},
				TargetAt: time.Now().Add(time.Minute), Deadline: time.Now().Add(time.Hour),
			}
			if i == 6 {
				j.Tenant = "other"
			} else {
				mine = append(mine, j.ID)
			}
			if _, err := s.Create(t.Context(), j, json.RawMessage(`{}`), store.Idempotency{}); err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(mine)
		slices.Reverse(mine)
		if _, err := s.Cancel(t.Context(), "acme", mine[0]); err != nil {
			t.Fatal(err)
		}

		if _, err := s.Claim(t.Context(), mine[1], tasks.Cloud, "worker-1"); err != nil {
			t.Fatal(err)
		}
		if err := s.Complete(t.Context(), mine[1], 1, store.Result{Output: json.RawMessage(`{}`), Degraded: true}, nil); err != nil {
			t.Fatal(err)
		}

		got := pages(t, s, "acme", tasks.JobFilter{Limit: 4})
		if len(got) < 2 || len(got[0]) != 4 || !slices.Equal(slices.Concat(got...), mine) {
			t.Errorf("all: got %v, want %v in pages of 4", got, mine)
		}
		for name, test := range map[string]struct {
			filter tasks.JobFilter
			want   int
		}{
			"by state":        {tasks.JobFilter{States: []tasks.State{tasks.Canceled}}, 1},
			"by two states":   {tasks.JobFilter{States: []tasks.State{tasks.Canceled, tasks.Queued}}, 5},
			"degraded":        {tasks.JobFilter{Degraded: new(true)}, 1},
			"not degraded":    {tasks.JobFilter{Degraded: new(false)}, 5},
			"by what answers": {tasks.JobFilter{AnsweredBy: tasks.ByScorecard}, 1},
			"by lane":         {tasks.JobFilter{Lane: tasks.Scorecard}, 1},
			"by two of them":  {tasks.JobFilter{Lane: tasks.Scorecard, Degraded: new(false)}, 0},
			"by agent":        {tasks.JobFilter{Agent: "A01"}, 3},
			"by metadata":     {tasks.JobFilter{Metadata: map[string]string{"order": "3"}}, 1},
			"no such value":   {tasks.JobFilter{Metadata: map[string]string{"order": "x"}}, 0},
			"made before":     {tasks.JobFilter{CreatedBefore: time.Now().Add(-time.Minute)}, 0},
			"made since":      {tasks.JobFilter{CreatedAfter: time.Now().Add(-time.Minute)}, 6},
			"made later":      {tasks.JobFilter{CreatedAfter: time.Now().Add(time.Minute)}, 0},
			"made until then": {tasks.JobFilter{CreatedBefore: time.Now().Add(time.Minute)}, 6},
		} {
			test.filter.Limit = 100
			if got := slices.Concat(pages(t, s, "acme", test.filter)...); len(got) != test.want {
				t.Errorf("%s: got %d jobs, want %d", name, len(got), test.want)
			}
		}
		if got := slices.Concat(pages(t, s, "nobody", tasks.JobFilter{Limit: 5})...); len(got) != 0 {
			t.Errorf("another tenant sees %v", got)
		}
	})
}

// However many jobs come in within a minute, one round a minute keeps the lists
// short.
func TestManyJobsAreForgottenInOneRound(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		var over []redis.Z
		for range 2_500 {
			over = append(over, redis.Z{Score: 1, Member: tasks.NewID() + " acme"})
		}
		if err := rdb.ZAdd(t.Context(), "spillway:{0}:ended", over...).Err(); err != nil {
			t.Fatal(err)
		}
		if err := s.Trim(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := rdb.ZCard(t.Context(), "spillway:{0}:ended").Val(); n != 0 {
			t.Errorf("%d entries are left to forget", n)
		}
	})
}

// A list forgets a job when the job is forgotten, unless it runs again.
func TestForgottenJobsLeaveTheList(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := store.New(rdb, store.DefaultConfig())
	t.Cleanup(func() { _ = s.Close() })
	var ids []string
	for range 2 {
		j := &tasks.Job{
			ID: tasks.NewID(), Tenant: "acme", Agent: "A02", Complexity: tasks.Low, Lanes: []tasks.Lane{tasks.Cloud},
			TargetAt: time.Now().Add(time.Minute), Deadline: time.Now().Add(time.Hour), Retention: tasks.Duration(time.Minute),
		}
		if _, err := s.Create(t.Context(), j, json.RawMessage(`{}`), store.Idempotency{}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Cancel(t.Context(), "acme", j.ID); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, j.ID)
	}
	if _, err := s.Retry(t.Context(), "acme", ids[1]); err != nil {
		t.Fatal(err)
	}
	// As if their time were over.
	for _, z := range rdb.ZRangeWithScores(t.Context(), "spillway:{0}:ended", 0, -1).Val() {
		rdb.ZAdd(t.Context(), "spillway:{0}:ended", redis.Z{Score: 1, Member: z.Member})
	}
	if err := s.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := rdb.ZRange(t.Context(), "spillway:{0}:idx:acme", 0, -1).Val(); !slices.Equal(got, ids[1:]) {
		t.Errorf("listed: got %v, want the one that runs again: %v", got, ids[1:])
	}
	if n := rdb.ZCard(t.Context(), "spillway:{0}:ended").Val(); n != 0 {
		t.Errorf("%d entries are left to forget", n)
	}
}
