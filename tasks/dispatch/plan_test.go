package dispatch

import (
	"slices"
	"testing"
	"time"

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
		want      []Chance
	}{
		{"both lanes served: the first now, the second at the spill time",
			lanes(local, cloud, last), nil, lanes(local, cloud, last), []Chance{{local, now}, {cloud, spill}}},
		{"the agent's first lane is cloud",
			lanes(cloud, local, last), nil, lanes(local, cloud, last), []Chance{{cloud, now}, {local, spill}}},
		{"the first lane is not served: the second now",
			lanes(local, cloud, last), nil, lanes(cloud, last), []Chance{{cloud, now}}},
		{"the second lane is not served: the first alone",
			lanes(local, cloud, last), nil, lanes(local, last), []Chance{{local, now}}},
		{"no lane with a model is served: the scorecard",
			lanes(local, cloud, last), nil, lanes(last), []Chance{{last, now}}},
		{"no lane is served, and the job wants no scorecard: it waits for every lane",
			lanes(local, cloud), nil, lanes(last), []Chance{{local, now}, {cloud, now}}},
		{"nobody lives: it waits for the lanes with a model, not for the scorecard",
			lanes(local, cloud, last), nil, nil, []Chance{{local, now}, {cloud, now}}},
		{"nobody lives, and the scorecard is all there is",
			lanes(last), nil, nil, []Chance{{last, now}}},
		{"local has given up: cloud now",
			lanes(local, cloud, last), lanes(local), lanes(local, cloud, last), []Chance{{cloud, now}}},
		{"local has given up, and cloud is not served: the scorecard",
			lanes(local, cloud, last), lanes(local), lanes(local, last), []Chance{{last, now}}},
		{"local has given up, cloud is not served, no scorecard wanted: it waits for cloud",
			lanes(local, cloud), lanes(local), lanes(local, last), []Chance{{cloud, now}}},
		{"both lanes have given up: the scorecard",
			lanes(local, cloud, last), lanes(local, cloud), lanes(local, cloud, last), []Chance{{last, now}}},
		{"both lanes have given up, no scorecard wanted: nothing to wait for",
			lanes(local, cloud), lanes(local, cloud), lanes(local, cloud, last), nil},
		{"the data must stay local: never cloud, also while local is not served",
			lanes(local), nil, lanes(cloud, last), []Chance{{local, now}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := &tasks.Job{Complexity: tasks.High, Lanes: test.lanes, Exhausted: test.exhausted, SpillAt: spill}
			live := Live{Workers: map[string][]string{}}
			for _, lane := range test.served {
				live.Workers[queueOf(lane, tasks.High)] = []string{"w1"}
			}
			if got := Plan(j, live, clock); !slices.Equal(got, test.want) {
				t.Errorf("chances: got %v, want %v", got, test.want)
			}
		})
	}
}

func TestALaneThatIsRestartedGetsAMoment(t *testing.T) {
	clock := time.Now()
	live := LiveOf([]tasks.Worker{
		{ID: "w1", Serves: []tasks.LaneService{{Lane: tasks.Scorecard, Queues: []string{"scorecard"}}}},
		{ID: "w2", Leaving: true, Serves: []tasks.LaneService{{Lane: tasks.Local, Queues: []string{"local.high"}, Slots: 1}}},
	})
	if live.Serves(tasks.Local, tasks.High) || live.Slots["local.high"] != 0 {
		t.Error("a worker that is leaving counts as serving")
	}
	j := &tasks.Job{Complexity: tasks.High, Lanes: tasks.Lanes()}
	want := []Chance{{tasks.Local, time.Time{}}, {tasks.Scorecard, clock.Add(restartGrace)}}
	if got := Plan(j, live, clock); !slices.Equal(got, want) {
		t.Errorf("chances: got %v, want %v", got, want)
	}
}

func TestALaneIsServedPerComplexity(t *testing.T) {
	live := LiveOf([]tasks.Worker{
		{ID: "w1", Serves: []tasks.LaneService{{Lane: tasks.Local, Queues: []string{"local.low", "local.medium"}}}},
		{ID: "w2", Serves: []tasks.LaneService{{Lane: tasks.Scorecard, Queues: []string{"scorecard"}}}},
	})
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
		if got := live.Serves(test.lane, test.complexity); got != test.want {
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
	live := LiveOf([]tasks.Worker{well, broken})
	if !live.ServesBeside("broken", tasks.Local, tasks.Low) {
		t.Error("another worker serves the queue, and is not seen")
	}
	if live.ServesBeside("well", tasks.Local, tasks.Low) || live.ServesBeside("broken", tasks.Local, tasks.High) {
		t.Error("nobody else serves the queue")
	}
}
