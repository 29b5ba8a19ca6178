package dispatch

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// reach makes a worker live that reaches models on the lanes.
func (s *system) reach(t *testing.T, models map[tasks.Lane][]string) {
	t.Helper()
	w := &tasks.Worker{ID: "w1"}
	for lane, m := range models {
		w.Serves = append(w.Serves, tasks.LaneService{Lane: lane, Queues: queue.Names(lane), Models: m, Slots: 1})
	}
	if err := s.store.Beat(t.Context(), w); err != nil {
		t.Fatalf("beat: %v", err)
	}
}

func TestAPlanTellsWhereAJobGoesAndWhy(t *testing.T) {
	local, cloud := []string{"ollama/small"}, []string{"deepseek/chat", "minimax/m2"}
	rules := []string{"scorecard/rules"}
	for _, test := range []struct {
		name   string
		agent  string
		served map[tasks.Lane][]string
		ask    func(*tasks.Submission)
		reason tasks.PlanReason
		lanes  []tasks.Lane
		asked  [][]string
	}{
		{"both lanes", open, map[tasks.Lane][]string{tasks.Local: local, tasks.Cloud: cloud, tasks.Scorecard: nil}, nil,
			tasks.PlanFirstLane, tasks.Lanes(), [][]string{local, {"minimax/m2", "deepseek/chat"}, rules}},
		{"no time for the first lane", open, map[tasks.Lane][]string{tasks.Local: local, tasks.Cloud: cloud, tasks.Scorecard: nil},
			func(s *tasks.Submission) { s.Deadline = time.Now().Add(16 * time.Second) },
			tasks.PlanPressed, tasks.Lanes(), [][]string{local, {"minimax/m2", "deepseek/chat"}, rules}},
		{"local is away", open, map[tasks.Lane][]string{tasks.Cloud: cloud, tasks.Scorecard: nil}, nil,
			tasks.PlanUnserved, tasks.Lanes(), [][]string{nil, {"minimax/m2", "deepseek/chat"}, rules}},
		{"all models are away", open, map[tasks.Lane][]string{tasks.Scorecard: nil}, nil,
			tasks.PlanLastResort, tasks.Lanes(), [][]string{nil, nil, rules}},
		{"the data stays here", private, map[tasks.Lane][]string{tasks.Local: local, tasks.Cloud: cloud, tasks.Scorecard: nil}, nil,
			tasks.PlanOnlyLane, []tasks.Lane{tasks.Local, tasks.Scorecard}, [][]string{local, rules}},
		{"later", open, map[tasks.Lane][]string{tasks.Local: local, tasks.Cloud: cloud, tasks.Scorecard: nil},
			func(s *tasks.Submission) { s.RunAt = time.Now().Add(time.Hour) },
			tasks.PlanScheduled, tasks.Lanes(), [][]string{local, {"minimax/m2", "deepseek/chat"}, rules}},
		{"a candidate of the caller's", open, map[tasks.Lane][]string{tasks.Local: local, tasks.Cloud: cloud, tasks.Scorecard: nil},
			func(s *tasks.Submission) { s.Candidates = []string{"deepseek"} },
			tasks.PlanUnserved, tasks.Lanes(), [][]string{nil, {"deepseek/chat"}, rules}},
		{"the cloud is away", open, map[tasks.Lane][]string{tasks.Local: local, tasks.Scorecard: nil}, nil,
			tasks.PlanOnlyLane, tasks.Lanes(), [][]string{local, nil, rules}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rdb := redistest.Embedded(t)
			s := newSystem(t, rdb, rdb, anyURL)
			s.reach(t, test.served)
			sub := valid(test.agent)
			if test.ask != nil {
				test.ask(&sub)
			}
			j := submit(t, s, sub)
			p := j.Plan
			if p == nil || p.Reason != test.reason || !p.MadeAt.Equal(p.MadeAt.Truncate(time.Millisecond)) {
				t.Fatalf("plan: got %+v, want %s", p, test.reason)
			}
			for i, l := range p.Lanes {
				served := len(l.Candidates) > 0
				if l.Lane != tasks.Scorecard && !served && !l.At.IsZero() {
					t.Errorf("%s is not served, and gets a ticket at %v", l.Lane, l.At)
				}
				if l.Lane != test.lanes[i] || l.Served != served || !slices.Equal(l.Candidates, test.asked[i]) {
					t.Errorf("lane %d: got %+v, want %s, served %v, candidates %q", i, l, test.lanes[i], served, test.asked[i])
				}
				if l.Lane != tasks.Scorecard && (l.Expected <= 0 || l.Expected95 <= l.Expected || l.Pressure <= 0) {
					t.Errorf("lane %d: got %+v, want what is expected of it", i, l)
				}
			}
			if len(p.Lanes) != len(test.lanes) {
				t.Errorf("lanes: got %d, want %d", len(p.Lanes), len(test.lanes))
			}
		})
	}
}

func TestProvidersOfModels(t *testing.T) {
	got := providersOf([]string{"deepseek/chat", "kimi/k2", "deepseek/reasoner"})
	if want := []string{"deepseek", "kimi"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// cheapAt has the cloud cheap from a time on.
func cheapAt(at time.Time) func([]string, time.Time) time.Time {
	return func(_ []string, t time.Time) time.Time {
		if t.Before(at) {
			return at
		}
		return t
	}
}

func TestAFlexibleJobWaitsForCheapHours(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	cheap := now.Add(2 * time.Hour)
	for _, test := range []struct {
		name     string
		agent    string
		served   []tasks.Lane
		deadline time.Duration
		flexible bool
		reason   tasks.PlanReason
		want     []string
		due      time.Time // of the later ticket; zero: not looked at
	}{
		{"local now, the cloud when it is cheap", open, []tasks.Lane{tasks.Local, tasks.Cloud}, 10 * time.Hour, true,
			tasks.PlanCheapHours, []string{"cloud.medium later", "local.medium now"}, cheap},
		{"only the cloud is there", open, []tasks.Lane{tasks.Cloud}, 10 * time.Hour, true,
			tasks.PlanCheapHours, []string{"cloud.medium later"}, cheap},
		{"a cloud agent", remote, []tasks.Lane{tasks.Cloud}, 10 * time.Hour, true,
			tasks.PlanCheapHours, []string{"cloud.medium later"}, cheap},
		{"the deadline does not allow it", open, []tasks.Lane{tasks.Local, tasks.Cloud}, time.Hour, true,
			tasks.PlanFirstLane, []string{"cloud.medium later", "local.medium now"}, time.Time{}},
		{"not flexible", remote, []tasks.Lane{tasks.Cloud}, 10 * time.Hour, false,
			tasks.PlanOnlyLane, []string{"cloud.medium now"}, time.Time{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rdb := redistest.Embedded(t)
			s := newSystem(t, rdb, rdb, anyURL)
			s.cfg.OffPeakAt = cheapAt(cheap)
			s.beat(t, append(test.served, tasks.Scorecard)...)
			sub := valid(test.agent)
			sub.Flexible, sub.Deadline = test.flexible, now.Add(test.deadline)
			j := submit(t, s, sub)
			got, due := tickets(t, rdb)
			if j.Plan.Reason != test.reason || !slices.Equal(got, test.want) {
				t.Errorf("got %s, tickets %v; want %s, %v", j.Plan.Reason, got, test.reason, test.want)
			}
			if !test.due.IsZero() && !due.Equal(test.due.Truncate(time.Second)) {
				t.Errorf("the cloud's ticket: got %v, want %v", due, test.due)
			}
		})
	}
	t.Run("it is cheap by now", func(t *testing.T) {
		d := &Dispatcher{cfg: Config{OffPeakAt: cheapAt(now)}}
		j := &tasks.Job{Flexible: true, Lanes: []tasks.Lane{tasks.Cloud}, Deadline: now.Add(time.Hour)}
		all, err := catalogue()
		if err != nil {
			t.Fatal(err)
		}
		if at := d.cheapFrom(j, View{agents: all}, now); !at.IsZero() {
			t.Errorf("got %v, want no wait", at)
		}
	})
}

func TestWhatIsExpectedCanBeWritten(t *testing.T) {
	o := outlook{own: sure(time.Second)}
	if _, err := json.Marshal(tasks.LanePlan{Pressure: rounded(o.pressure(0))}); err != nil {
		t.Errorf("a job without time: %v", err)
	}
}
