package dispatch

import (
	"testing"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// What a waiting job is told of its start is what is known: when its candidates are
// worth asking again, and nothing when they are down without saying for how long.
func TestWaitingTimesAreHonest(t *testing.T) {
	all, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	worker := func(running int, lanes ...tasks.Lane) View {
		w := tasks.Worker{ID: "w"}
		for _, lane := range lanes {
			w.Serves = append(w.Serves, tasks.LaneService{Lane: lane, Queues: queue.Names(lane), Slots: 4, Running: running})
		}
		return View{Live: LiveOf([]tasks.Worker{w}), agents: all, backlog: map[string]int{}}
	}
	refused := func(again ...time.Duration) []tasks.Attempt {
		var calls []tasks.Attempt
		for _, after := range again {
			a := tasks.Attempt{Number: 1, Lane: tasks.Cloud, Candidate: "kimi/k3", Outcome: tasks.OutcomeBreakerOpen}
			if after > 0 {
				a.RetryAt = now.Add(after)
			}
			calls = append(calls, a)
		}
		return calls
	}
	for _, test := range []struct {
		name     string
		view     View
		waited   time.Duration
		position int
		attempts []tasks.Attempt
		want     time.Duration // from now; below 0: nothing is said
	}{
		{"a free slot takes it", worker(0, tasks.Cloud), time.Second, 1, nil, 0},
		{"nobody serves its lanes", worker(0, tasks.Scorecard), time.Second, 1, nil, -1},
		{"free slots leave it there", worker(0, tasks.Cloud), time.Minute, 1, nil, -1},
		{"its candidates say when", worker(0, tasks.Cloud), time.Minute, 1, refused(50*time.Second, 40*time.Second), 40 * time.Second},
		{"its candidates do not say when", worker(0, tasks.Cloud), time.Second, 1, refused(0, 0), -1},
		{"they say a time after its deadline", worker(0, tasks.Cloud), time.Second, 1, refused(time.Hour), 5 * time.Minute},
		{"thousands wait before it", worker(4, tasks.Cloud), time.Minute, 5000, nil, 5 * time.Minute},
		{"the local lane is down, the cloud is free from the spill time on", worker(0, tasks.Local, tasks.Cloud), time.Minute, 1, nil, 20 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := &tasks.Job{
				Agent: open, Complexity: tasks.Medium, Lanes: []tasks.Lane{tasks.Local, tasks.Cloud}, Attempt: 1, Attempts: test.attempts,
				SpillAt: now.Add(20 * time.Second), Deadline: now.Add(5 * time.Minute),
				Waiting: &tasks.Waiting{Since: now.Add(-test.waited), Position: test.position},
			}
			test.view.estimateStart(j, now)
			start, end := j.Waiting.ExpectedStart, j.Waiting.ExpectedEnd
			switch {
			case test.want < 0:
				if !start.IsZero() || !end.IsZero() {
					t.Errorf("got a start in %v, want none", start.Sub(now))
				}
			case !start.Equal(now.Add(test.want)) || end.Before(start) || end.After(j.Deadline):
				t.Errorf("got a start in %v and an end in %v, want %v", start.Sub(now), end.Sub(now), test.want)
			}
		})
	}
}

// A job behind others starts when the limits of its candidates let it through, not
// when a slot is free.
func TestTheExpectedStartKnowsTheLimits(t *testing.T) {
	all, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	view := func(running int, limits map[string]Limit, models ...string) View {
		w := tasks.Worker{ID: "w", Serves: []tasks.LaneService{{Lane: tasks.Cloud, Queues: queue.Names(tasks.Cloud), Models: models, Slots: 400, Running: 4 * running}}}
		return View{
			Live: LiveOf([]tasks.Worker{w}), agents: all, backlog: map[string]int{},
			limitOf: func(candidate string) Limit { return limits[candidate] },
		}
	}
	kimi, other := Limit{Account: "kimi", PerMinute: 6}, Limit{Account: "other", PerMinute: 6}
	for _, test := range []struct {
		name     string
		view     View
		position int
		want     time.Duration
	}{
		{"the next one", view(0, map[string]Limit{"kimi/k3": kimi}, "kimi/k3"), 1, 0},
		{"the eleventh, at six a minute", view(0, map[string]Limit{"kimi/k3": kimi}, "kimi/k3"), 11, 100 * time.Second},
		{"two models of one account", view(0, map[string]Limit{"kimi/k3": kimi, "kimi/k2": kimi}, "kimi/k3", "kimi/k2"), 11, 100 * time.Second},
		{"two accounts", view(0, map[string]Limit{"kimi/k3": kimi, "other/m": other}, "kimi/k3", "other/m"), 11, 50 * time.Second},
		{"one account without a limit", view(0, map[string]Limit{"kimi/k3": kimi, "other/m": {Account: "other"}}, "kimi/k3", "other/m"), 2, 51 * time.Millisecond},
		{"after the deadline", view(0, map[string]Limit{"kimi/k3": kimi}, "kimi/k3"), 1000, 5 * time.Minute},
		{"one call at once, which is half done", view(1, map[string]Limit{"kimi/k3": {Account: "kimi", AtOnce: 1}}, "kimi/k3"), 1, 2550 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := &tasks.Job{
				Agent: remote, Complexity: tasks.Medium, Lanes: []tasks.Lane{tasks.Cloud}, Deadline: now.Add(5 * time.Minute),
				Waiting: &tasks.Waiting{Since: now.Add(-time.Second), Position: test.position},
			}
			test.view.estimateStart(j, now)
			if got := j.Waiting.ExpectedStart.Sub(now); (got - test.want).Abs() > 100*time.Millisecond {
				t.Errorf("expected to start in %v, want %v", got, test.want)
			}
		})
	}
}
