package dispatch

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

func TestPlan(t *testing.T) {
	const local, cloud, last = tasks.Local, tasks.Cloud, tasks.Scorecard
	spill := time.Now().Add(time.Minute)
	now, clock := time.Time{}, time.Now()
	lanes := func(all ...tasks.Lane) []tasks.Lane { return all }

	for _, test := range []struct {
		name      string
		lanes     []tasks.Lane
		exhausted []tasks.Lane
		served    []tasks.Lane
		want      []PlannedTicket
	}{
		{"both lanes served: the first now, the second at the spill time",
			lanes(local, cloud, last), nil, lanes(local, cloud, last), []PlannedTicket{{local, now}, {cloud, spill}}},
		{"the agent's first lane is cloud",
			lanes(cloud, local, last), nil, lanes(local, cloud, last), []PlannedTicket{{cloud, now}, {local, spill}}},
		{"the first lane is not served: the second now",
			lanes(local, cloud, last), nil, lanes(cloud, last), []PlannedTicket{{cloud, now}}},
		{"the second lane is not served: the first alone",
			lanes(local, cloud, last), nil, lanes(local, last), []PlannedTicket{{local, now}}},
		{"no lane with a model is served: the scorecard",
			lanes(local, cloud, last), nil, lanes(last), []PlannedTicket{{last, now}}},
		{"no lane is served, and the job wants no scorecard: it waits for every lane",
			lanes(local, cloud), nil, lanes(last), []PlannedTicket{{local, now}, {cloud, now}}},
		{"a worker serves nothing yet: it waits for the lanes with a model, not for the scorecard",
			lanes(local, cloud, last), nil, nil, []PlannedTicket{{local, now}, {cloud, now}}},
		{"nobody lives, and the scorecard is all there is",
			lanes(last), nil, nil, []PlannedTicket{{last, now}}},
		{"local has given up: cloud now",
			lanes(local, cloud, last), lanes(local), lanes(local, cloud, last), []PlannedTicket{{cloud, now}}},
		{"local has given up, and cloud is not served: the scorecard",
			lanes(local, cloud, last), lanes(local), lanes(local, last), []PlannedTicket{{last, now}}},
		{"local has given up, cloud is not served, no scorecard wanted: it waits for cloud",
			lanes(local, cloud), lanes(local), lanes(local, last), []PlannedTicket{{cloud, now}}},
		{"both lanes have given up: the scorecard",
			lanes(local, cloud, last), lanes(local, cloud), lanes(local, cloud, last), []PlannedTicket{{last, now}}},
		{"both lanes have given up, no scorecard wanted: nothing to wait for",
			lanes(local, cloud), lanes(local, cloud), lanes(local, cloud, last), nil},
		{"the data must stay local: never cloud, also while local is not served",
			lanes(local), nil, lanes(cloud, last), []PlannedTicket{{local, now}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := &tasks.Job{Complexity: tasks.High, Lanes: test.lanes, Exhausted: test.exhausted, SpillAt: spill}
			w := tasks.Worker{ID: "w1"}
			for _, lane := range test.served {
				w.Serves = append(w.Serves, tasks.LaneService{Lane: lane, Queues: []string{queueOf(lane, tasks.High)}})
			}
			if got := (View{Live: LiveOf([]tasks.Worker{w})}).Plan(j, clock); !slices.Equal(got, test.want) {
				t.Errorf("planned: got %v, want %v", got, test.want)
			}
		})
	}
}

func TestWhileNobodyLivesAJobWaitsForItsFirstLane(t *testing.T) {
	for _, lanes := range [][]tasks.Lane{{tasks.Local, tasks.Cloud, tasks.Scorecard}, {tasks.Cloud, tasks.Local}, {tasks.Scorecard}} {
		j := &tasks.Job{Complexity: tasks.High, Lanes: lanes}
		if got, want := (View{Live: LiveOf(nil)}).Plan(j, time.Now()), []PlannedTicket{{Lane: lanes[0]}}; !slices.Equal(got, want) {
			t.Errorf("%v: planned %v, want %v", lanes, got, want)
		}
	}
}

func TestALaneThatIsRestartedGetsAMoment(t *testing.T) {
	clock := time.Now()
	view := View{Live: LiveOf([]tasks.Worker{
		{ID: "w1", Serves: []tasks.LaneService{{Lane: tasks.Scorecard, Queues: []string{"scorecard"}}}},
		{ID: "w2", Leaving: true, Serves: []tasks.LaneService{{Lane: tasks.Local, Queues: []string{"local.high"}, Slots: 1}}},
	})}
	if view.Serves(tasks.Local, &tasks.Job{Complexity: tasks.High}) || view.Live.Slots["local.high"] != 0 {
		t.Error("a worker that is leaving counts as serving")
	}
	j := &tasks.Job{Complexity: tasks.High, Lanes: tasks.Lanes()}
	want := []PlannedTicket{{tasks.Local, time.Time{}}, {tasks.Scorecard, clock.Add(restartGrace)}}
	if got := view.Plan(j, clock); !slices.Equal(got, want) {
		t.Errorf("planned: got %v, want %v", got, want)
	}
}

// A provider that no worker has reached so far may still come.
func TestAProviderThatIsAwaitedGetsAMoment(t *testing.T) {
	now := time.Now()
	at := func(d time.Duration) []PlannedTicket {
		return []PlannedTicket{{tasks.Local, time.Time{}}, {tasks.Scorecard, now.Add(d)}}
	}
	atOnce := []PlannedTicket{{tasks.Scorecard, time.Time{}}}
	for _, test := range []struct {
		name       string
		awaited    tasks.Awaited
		candidates []string
		want       []PlannedTicket
	}{
		{"the job names it", tasks.Awaited{Lane: tasks.Local, Provider: "slow"}, []string{"slow/m"}, at(time.Minute)},
		{"the job names another", tasks.Awaited{Lane: tasks.Local, Provider: "slow", Starting: true}, []string{"quick"}, atOnce},
		{"it is starting", tasks.Awaited{Lane: tasks.Local, Provider: "slow", Starting: true}, nil, at(restartGrace)},
		{"it is not there", tasks.Awaited{Lane: tasks.Local, Provider: "slow"}, nil, atOnce},
	} {
		t.Run(test.name, func(t *testing.T) {
			view := View{Live: LiveOf([]tasks.Worker{{
				ID: "w1", Awaits: []tasks.Awaited{test.awaited},
				Serves: []tasks.LaneService{{Lane: tasks.Scorecard, Queues: []string{"scorecard"}}},
			}})}
			j := &tasks.Job{Complexity: tasks.High, Lanes: tasks.Lanes(), Candidates: test.candidates, OnExhausted: tasks.Degrade, TargetAt: now.Add(time.Minute)}
			if got := view.Plan(j, now); !slices.Equal(got, test.want) {
				t.Errorf("planned: got %v, want %v", got, test.want)
			}
		})
	}
}

func TestALaneIsServedPerComplexity(t *testing.T) {
	view := View{Live: LiveOf([]tasks.Worker{
		{ID: "w1", Serves: []tasks.LaneService{{Lane: tasks.Local, Queues: []string{"local.low", "local.medium"}}}},
		{ID: "w2", Serves: []tasks.LaneService{{Lane: tasks.Scorecard, Queues: []string{"scorecard"}}}},
	})}
	for _, test := range []struct {
		lane       tasks.Lane
		complexity tasks.Complexity
		want       bool
	}{
		{tasks.Local, tasks.Low, true},
		{tasks.Local, tasks.High, false},
		{tasks.Cloud, tasks.Low, false},
		{tasks.Scorecard, tasks.Extreme, true},
	} {
		if got := view.Serves(test.lane, &tasks.Job{Complexity: test.complexity}); got != test.want {
			t.Errorf("%s serves %s: got %v, want %v", test.lane, test.complexity, got, test.want)
		}
	}
}

// A worker's slots are those of one server on the local lane, and in the cloud of
// one for each complexity; a worker from before there were priorities, which does
// not list their queues, counts alike.
func TestSlotsAreCountedPerServer(t *testing.T) {
	two := []tasks.Complexity{tasks.Low, tasks.High}
	live := LiveOf([]tasks.Worker{{ID: "w1", Serves: []tasks.LaneService{
		{Lane: tasks.Local, Queues: queue.Names(tasks.Local, two...), Slots: 2, Running: 1},
		{Lane: tasks.Cloud, Queues: queue.Names(tasks.Cloud, two...), Slots: 16, Running: 4},
		{Lane: tasks.Scorecard, Queues: queue.Names(tasks.Scorecard), Slots: 4},
	}}, {ID: "before", Serves: []tasks.LaneService{
		{Lane: tasks.Cloud, Queues: []string{"cloud.low", "cloud.high"}, Slots: 16},
	}}})
	for _, test := range []struct {
		queue          string
		slots, running int
	}{
		{"local.low", 2, 1}, {"local.high", 2, 1}, {"cloud.low", 16, 2}, {"cloud.high", 16, 2}, {"scorecard", 4, 0}, {"local.medium", 0, 0},
	} {
		if slots, running := live.Slots[test.queue], live.Running[test.queue]; slots != test.slots || running != test.running {
			t.Errorf("%s: got %d of %d slots busy, want %d of %d", test.queue, running, slots, test.running, test.slots)
		}
	}
}

func TestAWorkerDoesNotStandInForItself(t *testing.T) {
	well, broken := tasks.Worker{ID: "well"}, tasks.Worker{ID: "broken"}
	well.Serves = []tasks.LaneService{{Lane: tasks.Local, Queues: []string{"local.low"}}}
	view := View{Live: LiveOf([]tasks.Worker{well, broken})}
	low, high := &tasks.Job{Complexity: tasks.Low}, &tasks.Job{Complexity: tasks.High}
	if !view.ServedByOthers("broken", tasks.Local, low) {
		t.Error("another worker serves the queue, and is not seen")
	}
	if view.ServedByOthers("well", tasks.Local, low) || view.ServedByOthers("broken", tasks.Local, high) {
		t.Error("nobody else serves the queue")
	}
}

// A lane is of use to a job only where one of its candidates answers: a job that
// names a cloud's model neither waits for the GPU nor counts among those that do.
func TestAJobIsPlannedWhereItsCandidatesAnswer(t *testing.T) {
	const local, cloud, last = tasks.Local, tasks.Cloud, tasks.Scorecard
	laneOf := map[string]tasks.Lane{"ollama": local, "lmstudio": local, "kimi": cloud, "deepseek": cloud}
	for _, test := range []struct {
		name       string
		candidates []string
		privacy    tasks.Privacy
		exhausted  tasks.OnExhausted
		lanes      []tasks.Lane // nil: it is refused
		tickets    []string
		waits      string
		reason     tasks.PlanReason
	}{
		{"a cloud: no ticket for the local lane", []string{"kimi"}, "", "", []tasks.Lane{cloud, last}, []string{"cloud.medium now"}, "cloud.medium", tasks.PlanOnlyLane},
		{"a cloud's model", []string{"deepseek/deepseek-reasoner"}, "", "", []tasks.Lane{cloud, last}, []string{"cloud.medium now"}, "cloud.medium", tasks.PlanOnlyLane},
		{"a local model: none for the cloud", []string{"ollama/small"}, "", "", []tasks.Lane{local, last}, []string{"local.medium now"}, "local.medium", tasks.PlanOnlyLane},
		{"one on each lane", []string{"ollama/small", "kimi"}, "", "", tasks.Lanes(), []string{"local.medium now"}, "local.medium", tasks.PlanFirstLane},
		{"a local model that nobody has, and a cloud", []string{"ollama/huge", "kimi"}, "", "", tasks.Lanes(), []string{"cloud.medium now"}, "local.medium", tasks.PlanUnserved},
		{"a provider that only a worker knows", []string{"farm/own"}, "", "", tasks.Lanes(), []string{"local.medium now"}, "local.medium", tasks.PlanOnlyLane},
		{"a cloud that the data may not reach: the last resort", []string{"kimi"}, tasks.LocalOnly, "", []tasks.Lane{last}, []string{"scorecard now"}, "scorecard.medium", tasks.PlanLastResort},
		{"a cloud that the data may not reach, and no last resort", []string{"kimi"}, tasks.LocalOnly, tasks.GiveUp, nil, nil, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			rdb := redistest.Embedded(t)
			s := newSystem(t, rdb, rdb, anyURL)
			s.cfg.LaneOf = func(provider string) tasks.Lane { return laneOf[provider] }
			s.reach(t, map[tasks.Lane][]string{local: {"ollama/small", "farm/own"}, cloud: {"kimi/k3", "deepseek/chat"}, last: nil})
			sub := valid(open)
			sub.Candidates, sub.Privacy, sub.OnExhausted = test.candidates, test.privacy, test.exhausted
			if test.lanes == nil {
				_, _, err := s.Submit(t.Context(), "acme", &sub)
				var e *tasks.Error
				if !errors.As(err, &e) || len(e.Faults) != 1 || e.Faults[0].Pointer != "/candidates" {
					t.Fatalf("got %v, want a fault at /candidates", err)
				}
				return
			}
			j := submit(t, s, sub)
			got, _ := tickets(t, rdb)
			if !slices.Equal(j.Lanes, test.lanes) || !slices.Equal(got, test.tickets) || j.Waiting.Queue != test.waits || j.Plan.Reason != test.reason {
				t.Errorf("got lanes %v, tickets %v, waits in %s, %s; want %v, %v, %s, %s",
					j.Lanes, got, j.Waiting.Queue, j.Plan.Reason, test.lanes, test.tickets, test.waits, test.reason)
			}
		})
	}
}

func TestALaneIsServedByWorkersThatHaveTheAgent(t *testing.T) {
	local := []tasks.LaneService{{Lane: tasks.Local, Queues: []string{queueOf(tasks.Local, tasks.High)}}}
	cloud := []tasks.LaneService{{Lane: tasks.Cloud, Queues: []string{queueOf(tasks.Cloud, tasks.High)}}}
	j := &tasks.Job{Agent: "B1", Complexity: tasks.High, Lanes: []tasks.Lane{tasks.Local, tasks.Cloud}}
	for _, test := range []struct {
		name  string
		local map[string]string // the agents of the worker of the local lane
		want  []PlannedTicket
	}{
		{"it has the agent", map[string]string{"B1": "v1"}, []PlannedTicket{{Lane: tasks.Local}, {Lane: tasks.Cloud}}},
		{"it has another version", map[string]string{"B1": "v2"}, []PlannedTicket{{Lane: tasks.Local}, {Lane: tasks.Cloud}}},
		{"it lacks the agent", map[string]string{"A02": "v1"}, []PlannedTicket{{Lane: tasks.Cloud}}},
		{"it is of a version that does not say", nil, []PlannedTicket{{Lane: tasks.Local}, {Lane: tasks.Cloud}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			view := View{Live: LiveOf([]tasks.Worker{
				{ID: "w1", Serves: local, Agents: test.local},
				{ID: "w2", Serves: cloud, Agents: map[string]string{"B1": "v1"}},
			})}
			if got := view.Plan(j, time.Now()); !slices.Equal(got, test.want) {
				t.Errorf("planned: got %v, want %v", got, test.want)
			}
			if got := view.HasAgent("w2", "B1"); got != view.Serves(tasks.Local, j) {
				t.Errorf("beside w2 the agent is there: got %v", got)
			}
		})
	}
}

// A job that is to fail when nobody can run it does so once that is known: not while
// workers start or have just left, and not while none lives to say so.
func TestAJobThatNobodyCanRunFailsOnceThatIsKnown(t *testing.T) {
	const local, last = tasks.Local, tasks.Scorecard
	clock := time.Now()
	worker := func(age time.Duration, leaving bool, lanes ...tasks.Lane) tasks.Worker {
		w := tasks.Worker{ID: "w", StartedAt: clock.Add(-age), Leaving: leaving}
		for _, lane := range lanes {
			w.Serves = append(w.Serves, tasks.LaneService{Lane: lane, Queues: queue.Names(lane)})
		}
		return w
	}
	fails, waits := []PlannedTicket{{Lane: last}}, []PlannedTicket{{Lane: local}}
	for _, test := range []struct {
		name    string
		workers []tasks.Worker
		want    []PlannedTicket
	}{
		{"others live", []tasks.Worker{worker(time.Minute, false, last, tasks.Cloud)}, fails},
		{"a worker has just started", []tasks.Worker{worker(time.Minute, false, last), worker(9*time.Second, false, last)}, waits},
		{"its worker has just left", []tasks.Worker{worker(time.Minute, false, last), worker(time.Minute, true, local)}, waits},
		{"nobody lives", nil, waits},
		{"its lane is served", []tasks.Worker{worker(time.Minute, false, last, local)}, waits},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := &tasks.Job{Complexity: tasks.High, Lanes: []tasks.Lane{local}, OnExhausted: tasks.GiveUp}
			if got := (View{Live: LiveOf(test.workers)}).Plan(j, clock); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			j.OnExhausted = tasks.Wait
			if got := (View{Live: LiveOf(test.workers)}).Plan(j, clock); !slices.Equal(got, waits) {
				t.Errorf("a job that waits: got %v, want %v", got, waits)
			}
		})
	}
}
