package pace

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

var quiet = slog.New(slog.DiscardHandler)

func TestTokenBudget(t *testing.T) {
	mac := Pace{Prefill: 340, Decode: 27}
	for _, c := range []struct {
		name  string
		pace  Pace
		ask   Allotment
		want  int // tokens of answer; 0: refused
		total int // with thinking; 0: not bounded
	}{
		{"nothing is known: the agent's own limit", Pace{},
			Allotment{Most: 900, Least: 225, Input: 2000, Left: 60 * time.Second}, 900, 0},
		{"time for less than the agent allows", mac,
			Allotment{Most: 2000, Least: 225, Input: 2000, Left: 60 * time.Second}, 1331, 1331},
		{"time for more: the rest is for thinking", mac,
			Allotment{Most: 900, Least: 225, Input: 2000, Left: 60 * time.Second}, 900, 1331},
		{"a model that has to be loaded", Pace{Load: 27 * time.Second, Prefill: 340, Decode: 27},
			Allotment{Most: 2000, Least: 225, Input: 2000, Left: 60 * time.Second}, 602, 602},
		{"a cloud that tells its first token alone", Pace{First: 2 * time.Second, Decode: 60},
			Allotment{Most: 4000, Least: 225, Input: 2000, Left: 30 * time.Second}, 1536, 1536},
		{"below what is of use", mac,
			Allotment{Most: 900, Least: 225, Input: 2000, Left: 15 * time.Second}, 0, 0},
		{"exactly what is of use", Pace{Decode: 10},
			Allotment{Most: 900, Least: 92, Left: 10 * time.Second}, 92, 92},
		{"below what is usual", mac,
			Allotment{Most: 2000, Least: 225, Usual: 1400, Input: 2000, Left: 60 * time.Second}, 0, 0},
		{"no time to read the prompt", mac,
			Allotment{Most: 900, Least: 0, Usual: 1, Input: 50_000, Left: 60 * time.Second}, 0, 0},
		{"the time is up", mac, Allotment{Most: 900, Least: 1, Left: -time.Second}, 0, 0},
		{"an unbelievable pace", Pace{Decode: math.MaxFloat64}, Allotment{Most: 900, Least: 1, Left: time.Hour}, 900, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, total, err := c.ask.Fit("ollama/m", c.pace)
			if refusal, ok := errors.AsType[*providers.Refusal](err); (c.want == 0) != (ok && refusal.Reason == tasks.OutcomeTooSlow) {
				t.Fatalf("got %d and %v, want %d", got, err, c.want)
			}
			if got != c.want || total != c.total {
				t.Errorf("got %d of %d, want %d of %d", got, total, c.want, c.total)
			}
		})
	}
}

func TestPlanningPace(t *testing.T) {
	for weights, want := range map[int64]Pace{
		0:              {},
		7_000_000_000:  {Prefill: 1100, Decode: 85},
		32_000_000_000: {Prefill: 340, Decode: 27},
		72_000_000_000: {Prefill: 152, Decode: 12.9},
		14_000_000_000: {Prefill: 550, Decode: 42.5},
	} {
		if got := planningPace(weights); math.Abs(got.Decode-want.Decode) > 0.1 || math.Abs(got.Prefill-want.Prefill) > 1 || got.Load != 0 {
			t.Errorf("%d weights: got %+v, want %+v", weights, got, want)
		}
	}
}

func TestWhatACallTeaches(t *testing.T) {
	usage := providers.Usage{Input: 2000, Cached: 300, Output: 600}
	for _, c := range []struct {
		name string
		call providers.Attempt
		want map[store.Rate]float64
	}{
		{"its server tells everything", providers.Attempt{Load: 20 * time.Second, Prefill: 5 * time.Second, Decode: 20 * time.Second, Usage: usage},
			map[store.Rate]float64{store.Load: 20, store.Prefill: 340, store.Decode: 30}},
		{"the model was in memory", providers.Attempt{Load: 40 * time.Millisecond, Prefill: 5 * time.Second, Decode: 20 * time.Second, Usage: usage},
			map[store.Rate]float64{store.Prefill: 340, store.Decode: 30}},
		{"a cloud, seen from here", providers.Attempt{FirstToken: 2 * time.Second, Duration: 12 * time.Second, Usage: usage},
			map[store.Rate]float64{store.FirstToken: 2, store.Decode: 60}},
		{"too short to measure", providers.Attempt{FirstToken: time.Microsecond, Duration: time.Millisecond, Usage: usage}, map[store.Rate]float64{}},
		{"too few tokens to measure", providers.Attempt{Decode: time.Second, Usage: providers.Usage{Output: 3}}, map[store.Rate]float64{}},
		{"refused", providers.Attempt{Outcome: tasks.OutcomeTooSlow}, map[store.Rate]float64{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := measured(&c.call)
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for rate, want := range c.want {
				if math.Abs(got[rate]-want) > 0.01 {
					t.Errorf("%s: got %v, want %v", rate, got[rate], want)
				}
			}
		})
	}
}

func TestTheLengthOfAnAnswer(t *testing.T) {
	for _, c := range []struct {
		name string
		call providers.Attempt
		want int
	}{
		{"complete", providers.Attempt{Outcome: tasks.OutcomeSucceeded, Usage: providers.Usage{Output: 500}}, 500},
		{"cut off: at least that", providers.Attempt{Outcome: "bad_output", TokenLimit: 800, Usage: providers.Usage{Output: 800}}, 800},
		{"nonsense tells nothing", providers.Attempt{Outcome: "bad_output", TokenLimit: 800, Usage: providers.Usage{Output: 40}}, 0},
		{"nor does a broken line", providers.Attempt{Outcome: "transport", Usage: providers.Usage{Output: 40}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := answerLength(&c.call); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

// memory is what has been learned, without Redis.
type memory map[string]store.Rates

func (m memory) Rates(context.Context) (map[string]store.Rates, error) { return maps.Clone(m), nil }

func (memory) Lengths(context.Context, string, string) (map[store.Length]store.Learned, error) {
	return nil, nil
}

func TestWhatIsKnownServesForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := memory{}
		p := NewEstimator(known, quiet)
		decode := func() float64 { return p.Of(t.Context(), "ollama/m", 0).Decode }
		load := func() time.Duration { return p.Of(t.Context(), "ollama/m", 0).Load }
		if got := decode(); got != 0 {
			t.Errorf("at first: %v, want 0", got)
		}
		known["ollama/m"] = store.Rates{store.Decode: {30}, store.Load: {10}}
		if got := decode(); got != 0 {
			t.Errorf("a moment later: %v, want what was read", got)
		}
		time.Sleep(cachedFor)
		if got := decode(); got < 20 || got >= 30 {
			t.Errorf("after a while: %v, want a little less than 30", got)
		}
		if got := load(); got < 10*time.Second {
			t.Errorf("loading takes %v, want more than 10s", got)
		}
		p.SetWarm("ollama/m")
		if got := load(); got != 0 {
			t.Errorf("loading takes %v while it is in memory", got)
		}
		time.Sleep(warmFor)
		if got := load(); got == 0 {
			t.Error("it stays in memory for ever")
		}
	})
}
