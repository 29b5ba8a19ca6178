package dispatch

import (
	"testing"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// sure is a forecast without any doubt.
func sure(d time.Duration) Forecast { return Forecast{{Value: d.Seconds(), Weight: 1}} }

func TestQuantilesOfAForecast(t *testing.T) {
	f := Forecast{{Value: 40, Weight: 0.5}, {Value: 10, Weight: 1}, {Value: 20, Weight: 1}}
	for p, want := range map[float64]time.Duration{0.05: 10 * time.Second, 0.5: 20 * time.Second, 0.95: 40 * time.Second} {
		if got := f.Quantile(p); got != want {
			t.Errorf("quantile %v: got %v, want %v", p, got, want)
		}
	}
	if got := f.Mean(); got != 20*time.Second {
		t.Errorf("mean: got %v, want 20s", got)
	}
	if f[0].Value != 40 {
		t.Error("a question has changed the forecast")
	}
}

func TestForecastsStartFromThePriorAndFollowWhatIsMeasured(t *testing.T) {
	const target = 60 * time.Second
	if got := forecast(tasks.Local, target, 0, tasks.High, nil).Quantile(0.5); got != 30*time.Second {
		t.Errorf("local, nothing measured: got a median of %v, want half the target", got)
	}
	if got := forecast(tasks.Cloud, target, 0, tasks.High, nil).Quantile(0.95); (got - 25*time.Second).Abs() > 10*time.Millisecond {
		t.Errorf("cloud, nothing measured: got %v at 95 %%, want 25s", got)
	}
	before := Forecast{{Value: 30, Weight: 1}}
	for _, n := range []int{1, 5, 20} {
		seen := store.Learned{}
		for range n {
			seen = append(seen, 5)
		}
		got := forecast(tasks.Local, target, 0, tasks.High, seen)
		if got.Quantile(0.5) > before.Quantile(0.5) || got.Mean() >= before.Mean() || got.Quantile(0.05) < 5*time.Second {
			t.Errorf("after %d jobs of 5s: got %v, want less than %v, and not below 5s", n, got, before)
		}
		before = got
	}
	if got := before.Quantile(0.95); got != 5*time.Second {
		t.Errorf("after 20 jobs of 5s: got %v at 95 %%", got)
	}
}

// Answers of milliseconds and one of 50 s, as caches of providers and cold models
// make them: no estimate exceeds what was seen or assumed, or what a job may take.
func TestForecastsAreBounded(t *testing.T) {
	const target, most = 60 * time.Second, 45 * time.Second
	for n := range 32 {
		seen := store.Learned{}
		for range n {
			seen = append(seen, 0.003)
		}
		seen = append(seen, 50)
		for _, lane := range []tasks.Lane{tasks.Local, tasks.Cloud} {
			f := forecast(lane, target, 0, tasks.High, seen)
			if got := max(f.Mean(), f.Quantile(0.95)); got > 70*time.Second {
				t.Errorf("%s, %d of 3ms and one of 50s: got %v", lane, n, got)
			}
			if got := forecast(lane, target, most, tasks.High, seen).Quantile(0.999); got > most {
				t.Errorf("%s: got %v, and no job takes longer than %v", lane, got, most)
			}
		}
	}
}

func TestSpillTime(t *testing.T) {
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	const target = time.Minute
	tests := []struct {
		name     string
		unserved bool
		backlog  time.Duration
		first    time.Duration
		second   time.Duration
		want     time.Duration // after start
	}{
		{name: "idle lane: as late as the second lane allows", first: 20 * time.Second, second: 15 * time.Second, want: 45 * time.Second},
		{name: "slow second lane: sooner", first: 20 * time.Second, second: 50 * time.Second, want: 10 * time.Second},
		{name: "second lane too slow in any case: at once", first: 20 * time.Second, second: 70 * time.Second},
		{name: "nobody serves the first lane: at once", unserved: true, first: 20 * time.Second, second: 15 * time.Second},
		{name: "pressure just below 0.8", backlog: 27 * time.Second, first: 20 * time.Second, second: 15 * time.Second, want: 45 * time.Second},
		{name: "pressure above 0.8: at once", backlog: 29 * time.Second, first: 20 * time.Second, second: 15 * time.Second},
		{name: "the job alone is too slow for its first lane: at once", first: 50 * time.Second, second: 15 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := spillTime(start, start.Add(target), !tt.unserved, tt.backlog, sure(tt.first), sure(tt.second)).Sub(start)
			if (got - tt.want).Abs() > time.Millisecond {
				t.Errorf("spills after: got %v, want %v", got, tt.want)
			}
		})
	}
	if got := spillTime(start, start.Add(-time.Second), true, 0, sure(time.Second), sure(time.Second)); !got.Equal(start) {
		t.Errorf("target past: got %v after the start, want at once", got.Sub(start))
	}
}

func TestBacklogBeforeAJob(t *testing.T) {
	all, err := catalogue()
	if err != nil {
		t.Fatalf("load agents: %v", err)
	}
	v := View{
		agents: all,
		Live:   Live{Slots: map[string]int{"local.high": 1, "cloud.high": 8}, Running: map[string]int{"local.high": 1}},
		backlog: map[string]int{
			"local.medium": 2, "local.high": 3, "local.extreme": 9,
			"local.low.first": 1, "local.high.first": 2, "local.extreme.first": 1, "local.low.last": 4,
			"cloud.medium": 5, "cloud.high": 3, "cloud.high.first": 2, "cloud.low.first": 7,
		},
	}
	low, medium := v.mean(tasks.Local, tasks.Low), v.mean(tasks.Local, tasks.Medium)
	high, extreme, cloud := v.mean(tasks.Local, tasks.High), v.mean(tasks.Local, tasks.Extreme), v.mean(tasks.Cloud, tasks.High)
	first := low + 2*high + extreme
	for _, test := range []struct {
		name     string
		lane     tasks.Lane
		priority tasks.Priority
		ahead    int
		want     time.Duration
	}{
		{"high: what is of high priority and shorter, those of its kind, half of the one that runs", tasks.Local, tasks.PriorityHigh, 2, low + 2*high + high/2},
		{"normal: all of high priority, then the shorter ones", tasks.Local, "", 3, first + 2*medium + 3*high + high/2},
		{"low: all of high and of normal priority, then the shorter ones", tasks.Local, tasks.PriorityLow, 1,
			first + 2*medium + 3*high + 9*extreme + 4*low + high + high/2},
		{"cloud, high: its own queue over all slots", tasks.Cloud, tasks.PriorityHigh, 2, 2 * cloud / 8},
		{"cloud, normal: also those of its complexity before it", tasks.Cloud, tasks.PriorityNormal, 3, 5 * cloud / 8},
		{"cloud, low: also those of its complexity before it", tasks.Cloud, tasks.PriorityLow, 1, 6 * cloud / 8},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := &tasks.Job{Complexity: tasks.High, Priority: test.priority}
			if got := v.backlogBefore(test.lane, j, test.ahead); got != test.want {
				t.Errorf("backlog: got %v, want %v", got, test.want)
			}
		})
	}
}
