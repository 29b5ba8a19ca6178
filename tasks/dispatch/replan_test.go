package dispatch

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// events lists the types in a job's log, and the data of the last one.
func (s *system) events(t *testing.T, id string) (types []tasks.EventType, last json.RawMessage) {
	t.Helper()
	all, err := s.store.Events(t.Context(), id, 0, 100)
	if err != nil {
		t.Fatalf("events: %v", err)
	}
	for _, e := range all {
		types, last = append(types, e.Type), e.Data
	}
	return types, last
}

// When the last worker of its lane is lost, a waiting job goes to the scorecard,
// and says why; while nothing changes, it says nothing.
func TestAChangeOfPlanIsAnEvent(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := newSystem(t, rdb, rdb, anyURL)
	issue := func(id string) *tasks.Job {
		t.Helper()
		if _, err := s.FreshView(t.Context()); err != nil {
			t.Fatal(err)
		}
		j, err := s.store.Find(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Issue(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		j, err = s.store.Find(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	s.beat(t, tasks.Local, tasks.Scorecard)
	j := submit(t, s, valid(open))
	if j = issue(j.ID); j.Replanned != nil {
		t.Errorf("nothing has changed: got %+v", j.Replanned)
	}
	s.beat(t, tasks.Scorecard)
	for range 2 {
		j = issue(j.ID)
	}
	types, data := s.events(t, j.ID)
	if len(types) != 2 || types[1] != tasks.EventReplanned {
		t.Fatalf("events: got %v, want one change of plan", types)
	}
	var told tasks.Plan
	if err := json.Unmarshal(data, &told); err != nil || told.Reason != tasks.PlanLastResort {
		t.Errorf("event: got %s, %v, want %s", data, err, tasks.PlanLastResort)
	}
	p := j.Replanned
	if p == nil || p.Reason != tasks.PlanLastResort || p.Lanes[0].Served || p.MadeAt.Before(j.Plan.MadeAt) || j.Plan.Reason != tasks.PlanOnlyLane {
		t.Errorf("job: got %+v after %+v", p, j.Plan)
	}
	s.beat(t, tasks.Cloud, tasks.Scorecard)
	if p = issue(j.ID).Replanned; p == nil || p.Reason != tasks.PlanUnserved || !p.Lanes[1].Served {
		t.Errorf("the cloud is back: got %+v", p)
	}
}

// A new run has a plan of its own, also when the first one was to come later.
func TestARetryIsPlannedAnew(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := newSystem(t, rdb, rdb, anyURL)
	s.beat(t, tasks.Local, tasks.Scorecard)
	sub := valid(open)
	sub.RunAt = time.Now().Add(time.Hour)
	j := submit(t, s, sub)
	if _, err := s.store.Cancel(t.Context(), "acme", j.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Retry(t.Context(), "acme", j.ID); err != nil {
		t.Fatal(err)
	}
	j, err := s.store.Find(t.Context(), j.ID)
	if err != nil || j.Replanned == nil || j.Replanned.Reason != tasks.PlanOnlyLane || !j.Replanned.Lanes[0].At.IsZero() {
		t.Errorf("got %+v, %v, want a plan for now", j.Replanned, err)
	}
}

// A job that has moved on keeps its plan.
func TestAPlanIsOfAJobThatWaits(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := newSystem(t, rdb, rdb, anyURL)
		s.beat(t, tasks.Local)
		j := submit(t, s, valid(open))
		if c, err := s.store.Claim(t.Context(), j.ID, tasks.Local, "w1"); err != nil || c.Verdict != store.Claimed {
			t.Fatalf("claim: %+v, %v", c, err)
		}
		if err := s.store.Replan(t.Context(), j, &tasks.Plan{Reason: tasks.PlanUnserved}); err != nil {
			t.Fatal(err)
		}
		if now, err := s.store.Find(t.Context(), j.ID); err != nil || now.Replanned != nil {
			t.Errorf("got %+v, %v", now, err)
		}
	})
}
