package worker

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// knows makes the world remember what calls of a local model have measured.
func (w *world) knows(t *testing.T, candidate string, rates map[store.Rate]float64) {
	t.Helper()
	var l store.Samples
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
	var l store.Samples
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
	if l := lengths[store.Length{Agent: j.Agent, Version: j.AgentVersion, Variant: j.Variant, Candidate: "ollama/small"}]; err != nil || len(l) != 1 || math.Abs(l.Quantile(0.5)-20) > 0.1 {
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

// Only calls measure a candidate: one that was slow for a while would else be
// refused forever, also when its pace is long what it was.
func TestASlowCandidateOfTheLastLaneIsMeasuredAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.knows(t, "deepseek/chat", map[store.Rate]float64{store.Decode: 0.01})
	w.start(t, cloudLane, func(c *Config) {
		c.Attempts.LongestCall = map[tasks.Lane]time.Duration{tasks.Cloud: 5 * time.Second}
	})
	j := w.end(t, w.submit(t).ID)
	if got := outcomes(j); j.Degraded || !slices.Equal(got, []string{"deepseek/chat succeeded"}) {
		t.Errorf("degraded %v, attempts: %v", j.Degraded, got)
	}
}
