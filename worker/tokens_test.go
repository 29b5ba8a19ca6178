package worker

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

func TestTokenBudget(t *testing.T) {
	mac := pace{prefill: 340, decode: 27}
	for _, c := range []struct {
		name  string
		pace  pace
		ask   allotment
		want  int // tokens of answer; 0: refused
		total int // with thinking; 0: not bounded
	}{
		{"nothing is known: the agent's own limit", pace{},
			allotment{most: 900, least: 225, input: 2000, left: 60 * time.Second}, 900, 0},
		{"time for less than the agent allows", mac,
			allotment{most: 2000, least: 225, input: 2000, left: 60 * time.Second}, 1331, 1331},
		{"time for more: the rest is for thinking", mac,
			allotment{most: 900, least: 225, input: 2000, left: 60 * time.Second}, 900, 1331},
		{"a model that has to be loaded", pace{load: 27 * time.Second, prefill: 340, decode: 27},
			allotment{most: 2000, least: 225, input: 2000, left: 60 * time.Second}, 602, 602},
		{"a cloud that tells its first token alone", pace{first: 2 * time.Second, decode: 60},
			allotment{most: 4000, least: 225, input: 2000, left: 30 * time.Second}, 1536, 1536},
		{"below what is of use", mac,
			allotment{most: 900, least: 225, input: 2000, left: 15 * time.Second}, 0, 0},
		{"exactly what is of use", pace{decode: 10},
			allotment{most: 900, least: 92, left: 10 * time.Second}, 92, 92},
		{"below what is usual", mac,
			allotment{most: 2000, least: 225, usual: 1400, input: 2000, left: 60 * time.Second}, 0, 0},
		{"no time to read the prompt", mac,
			allotment{most: 900, least: 0, usual: 1, input: 50_000, left: 60 * time.Second}, 0, 0},
		{"the time is up", mac, allotment{most: 900, least: 1, left: -time.Second}, 0, 0},
		{"an unbelievable pace", pace{decode: math.MaxFloat64}, allotment{most: 900, least: 1, left: time.Hour}, 900, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, total, err := c.ask.fit("ollama/m", c.pace)
			if refusal, ok := errors.AsType[*providers.Refusal](err); (c.want == 0) != (ok && refusal.Reason == providers.TooSlow) {
				t.Fatalf("got %d and %v, want %d", got, err, c.want)
			}
			if got != c.want || total != c.total {
				t.Errorf("got %d of %d, want %d of %d", got, total, c.want, c.total)
			}
		})
	}
}

func TestPlanningPace(t *testing.T) {
	for weights, want := range map[int64]pace{
		0:              {},
		7_000_000_000:  {prefill: 1100, decode: 85},
		32_000_000_000: {prefill: 340, decode: 27},
		72_000_000_000: {prefill: 152, decode: 12.9},
		14_000_000_000: {prefill: 550, decode: 42.5},
	} {
		if got := planningPace(weights); math.Abs(got.decode-want.decode) > 0.1 || math.Abs(got.prefill-want.prefill) > 1 || got.load != 0 {
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
		{"refused", providers.Attempt{Outcome: providers.TooSlow}, map[store.Rate]float64{}},
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
		{"complete", providers.Attempt{Outcome: providers.Succeeded, Usage: providers.Usage{Output: 500}}, 500},
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

// knows makes the world remember what calls of a local model have measured.
func (w *world) knows(t *testing.T, candidate string, rates map[store.Rate]float64) {
	t.Helper()
	var l store.Lessons
	for range 20 {
		l.Rates(candidate, rates)
	}
	if err := w.store.Learn(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
}

func TestACallGetsTheTokensThatThereIsTimeFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	// T1 wants up to 100 tokens, and 25 at least, within 30 s.
	w.knows(t, "ollama/small", map[store.Rate]float64{store.Decode: 2.5})
	w.start(t, bothLanes)
	j := w.end(t, w.submit(t).ID)
	if got := outcomes(j); !slices.Equal(got, []string{"ollama/small succeeded"}) {
		t.Fatalf("attempts: %v", got)
	}
	asked := w.local.Asked()[0]
	if asked.OutputLimit < 25 || asked.OutputLimit > 70 || asked.TotalLimit != asked.OutputLimit {
		t.Errorf("it may write %d tokens, %d with thinking; want what fits into 30 s at 2.5 a second", asked.OutputLimit, asked.TotalLimit)
	}
}

func TestAModelThatIsTooSlowIsNotAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.knows(t, "ollama/small", map[store.Rate]float64{store.Decode: 0.5})
	w.knows(t, "ollama/large", map[store.Rate]float64{store.Decode: 0.1})
	w.start(t, bothLanes)
	j := w.end(t, w.submit(t).ID)
	want := []string{"ollama/small too_slow", "ollama/large too_slow", "deepseek/chat succeeded"}
	if got := outcomes(j); !slices.Equal(got, want) {
		t.Errorf("attempts: got %v, want %v", got, want)
	}
	if len(w.local.Asked()) != 0 {
		t.Error("it was asked all the same")
	}
}

func TestTheLastLaneHasUntilTheDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.knows(t, "ollama/small", map[store.Rate]float64{store.Decode: 0.5}) // 100 tokens by the deadline, hardly any by the target
	w.start(t, localLane)
	j := w.end(t, w.submit(t).ID)
	if got := outcomes(j); !slices.Equal(got, []string{"ollama/small succeeded"}) {
		t.Errorf("attempts: %v", got)
	}
}

func TestWhatIsUsuallyTooLongIsNotTriedWhileAnotherLaneIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.knows(t, "ollama/small", map[store.Rate]float64{store.Decode: 4})
	w.knows(t, "ollama/large", map[store.Rate]float64{store.Decode: 0.1})
	agent, _ := testAgents(t).Lookup("T1")
	var l store.Lessons
	for range 10 { // it thinks for long
		l.Length(store.Length{Agent: "T1", Version: agent.Version, Candidate: "ollama/small"}, 400)
	}
	if err := w.store.Learn(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	w.start(t, bothLanes)
	j := w.end(t, w.submit(t).ID)
	if got := outcomes(j); !slices.Contains(got, "deepseek/chat succeeded") || got[0] != "ollama/small too_slow" {
		t.Fatalf("attempts: %v", got)
	}
	if m := j.Attempts[0].Message; !strings.Contains(m, "needs 400") {
		t.Errorf("the reason is %q, want that an answer needs 400", m)
	}
}

func TestCallsTeachTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.local.Does(func(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		resp, err := providertest.Answer(answer)(ctx, req, onDelta)
		resp.Prefill, resp.Decode = time.Second, 2*time.Second // 100 tokens read and 20 written
		return resp, err
	})
	stop := w.start(t, localLane)
	j := w.end(t, w.submit(t).ID)
	stop() // what was gathered is written then at the latest
	rates, err := w.store.Rates(t.Context())
	got := rates["ollama/small"]
	if err != nil || math.Abs(got[store.Decode].Quantile(0.5)-10) > 0.1 || math.Abs(got[store.Prefill].Quantile(0.5)-100) > 0.1 {
		t.Errorf("rates: %+v, %v; want 10 written and 100 read per second", got, err)
	}
	lengths, err := w.store.Lengths(t.Context(), j.Agent, j.AgentVersion)
	if l := lengths[lengthOf(j, "ollama/small")]; err != nil || len(l) != 1 || math.Abs(l.Quantile(0.5)-20) > 0.1 {
		t.Errorf("lengths: %+v, %v; want one answer of 20 tokens", lengths, err)
	}
	tallies, err := w.store.Tallies(t.Context(), j.Agent)
	if err != nil || len(tallies) != 1 || tallies[0].Succeeded != 1 || tallies[0].Calls != 1 || tallies[0].Tokens.Output != 20 {
		t.Errorf("tallies: %+v, %v", tallies, err)
	}
}

func TestAModelThatIsOnlyNotInMemoryIsLoadedForTheNextJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	for _, m := range []string{"ollama/small", "ollama/large"} {
		w.knows(t, m, map[store.Rate]float64{store.Decode: 100, store.Load: 60})
	}
	w.cloud.Does(providertest.Answer(answer))
	loaded := make(chan string, 2)
	w.local.Does(func(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		if req.TotalLimit == 1 {
			loaded <- req.Model
		}
		return providertest.Answer(answer)(ctx, req, onDelta)
	})
	w.start(t, bothLanes)
	j := w.end(t, w.submit(t).ID)
	if got := outcomes(j); !slices.Contains(got, "deepseek/chat succeeded") {
		t.Fatalf("attempts: %v", got)
	}
	if first, second := wait(t, loaded), wait(t, loaded); first == second {
		t.Errorf("loaded %s twice", first)
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
		p := newPaces(known, quiet)
		decode := func() float64 { return p.of(t.Context(), "ollama/m", 0).decode }
		load := func() time.Duration { return p.of(t.Context(), "ollama/m", 0).load }
		if got := decode(); got != 0 {
			t.Errorf("at first: %v, want 0", got)
		}
		known["ollama/m"] = store.Rates{store.Decode: {30}, store.Load: {10}}
		if got := decode(); got != 0 {
			t.Errorf("a moment later: %v, want what was read", got)
		}
		time.Sleep(pacesFor)
		if got := decode(); got < 20 || got >= 30 {
			t.Errorf("after a while: %v, want a little less than 30", got)
		}
		if got := load(); got < 10*time.Second {
			t.Errorf("loading takes %v, want more than 10s", got)
		}
		p.setWarm("ollama/m")
		if got := load(); got != 0 {
			t.Errorf("loading takes %v while it is in memory", got)
		}
		time.Sleep(warmFor)
		if got := load(); got == 0 {
			t.Error("it stays in memory for ever")
		}
	})
}

// A slip that leaves no doubt is mended before a second call is paid.
func TestSlipsInAnAnswerAreMended(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.local.Does(providertest.Answer(`{"result":{"score":"7","reasoning":"x"}}`))
	w.start(t, []tasks.Lane{tasks.Local})
	if j := w.end(t, w.submit(t).ID); j.State != tasks.Succeeded || string(j.Result) != `{"score":7}` || len(j.Attempts) != 1 {
		t.Errorf("got %s %s after %d calls", j.State, j.Result, len(j.Attempts))
	}
}
