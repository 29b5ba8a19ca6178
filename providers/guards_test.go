package providers_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
)

// gate is a guard that does as it is told and writes down what it hears.
type gate struct {
	name  string
	heard *[]string
	enter func(*providers.Call) error // nil: lets everything in
}

func (g gate) Enter(_ context.Context, c *providers.Call) (func(*providers.Attempt), error) {
	if g.enter != nil {
		if err := g.enter(c); err != nil {
			return nil, err
		}
	}
	*g.heard = append(*g.heard, g.name+" enters "+c.Candidate.String())
	return func(a *providers.Attempt) {
		*g.heard = append(*g.heard, fmt.Sprintf("%s leaves %s %s %t", g.name, a.Candidate, a.Outcome, a.Called))
	}, nil
}

// refuses refuses n calls of a provider.
func refuses(provider string, n int, r providers.Refusal) func(*providers.Call) error {
	return func(c *providers.Call) error {
		if c.Candidate.Provider.Name() != provider || n == 0 {
			return nil
		}
		n--
		return &r
	}
}

// guarded runs a route over fakes through guards, and returns its attempts.
func guarded(ctx context.Context, route *providers.Route, guards []providers.Guard, fakes ...*providertest.Fake) (*providers.Answer, []providers.Attempt, error) {
	var told []providers.Attempt
	route.OnAttempt = func(a providers.Attempt) { told = append(told, a) }
	for _, f := range fakes {
		route.Candidates = append(route.Candidates, providers.Candidate{Provider: f, Model: "m"})
	}
	answer, err := providers.NewRouter(slog.New(slog.DiscardHandler), guards...).Run(ctx, route)
	return answer, told, err
}

func outcomes(attempts []providers.Attempt) []string {
	var heard []string
	for _, a := range attempts {
		heard = append(heard, a.Candidate+":"+a.Outcome)
	}
	return heard
}

func TestGuardsAreAskedInOrderAndLeftInReverse(t *testing.T) {
	var heard []string
	refusal := providers.Refusal{Reason: tasks.OutcomeBudgetSpent, Message: "spent"}
	guards := []providers.Guard{gate{"1", &heard, nil}, gate{"2", &heard, nil}, gate{"3", &heard, refuses("a", 1, refusal)}}
	_, told, err := guarded(t.Context(), &providers.Route{}, guards, providertest.NewFake("a"), providertest.NewFake("b"))
	if err != nil {
		t.Fatal(err)
	}
	wantHeard(t, heard,
		"1 enters a/m", "2 enters a/m", "2 leaves a/m budget_spent false", "1 leaves a/m budget_spent false",
		"1 enters b/m", "2 enters b/m", "3 enters b/m",
		"3 leaves b/m succeeded true", "2 leaves b/m succeeded true", "1 leaves b/m succeeded true")
	wantHeard(t, outcomes(told), "a/m:budget_spent", "b/m:succeeded")
	if told[0].Called || told[0].Message != "spent" || !slices.Equal(told[0].Next, []string{"b/m"}) {
		t.Errorf("the refusal was told as %+v", told[0])
	}
}

// A guard stands before every call: also before a retry, and before a re-ask.
func TestGuardsAreAskedBeforeEveryCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, class := range []providers.Class{providers.ClassServer, providers.ClassBadOutput} {
			var heard []string
			bad := func(context.Context, *providers.Request, func(providers.Delta)) (*providers.Response, error) {
				return &providers.Response{}, providers.Errorf(class, "as told")
			}
			a := providertest.NewFake("a").Does(providertest.Sequence(bad, providertest.Answer("{}")))
			if _, _, err := guarded(t.Context(), &providers.Route{}, []providers.Guard{gate{"1", &heard, nil}}, a); err != nil {
				t.Fatal(err)
			}
			wantHeard(t, heard, "1 enters a/m", fmt.Sprintf("1 leaves a/m %s true", class), "1 enters a/m", "1 leaves a/m succeeded true")
		}
	})
}

func TestGuardsHearOfAPanic(t *testing.T) {
	var heard []string
	defer func() {
		if recover() == nil {
			t.Error("the panic was swallowed")
		}
		wantHeard(t, heard, "1 enters a/m", "1 leaves a/m server true")
	}()
	a := providertest.NewFake("a").Does(func(context.Context, *providers.Request, func(providers.Delta)) (*providers.Response, error) {
		panic("as told")
	})
	_, _, _ = guarded(t.Context(), &providers.Route{}, []providers.Guard{gate{"1", &heard, nil}}, a)
}

// What guards hold, and jobs show, is what is really asked for.
func TestGuardsKnowWhatACallMayWrite(t *testing.T) {
	for _, c := range []struct {
		name                          string
		answer, total, thinking, want int
	}{
		{"not bounded", 0, 0, 50, 0},
		{"the answer alone", 900, 0, 0, 900},
		{"thinking is beside the answer", 900, 0, 4096, 4996},
		{"time for more than that", 900, 9000, 4096, 4996},
		{"time for less", 900, 1300, 4096, 1300},
		{"time is all that bounds it", 0, 1300, 50, 1300},
	} {
		t.Run(c.name, func(t *testing.T) {
			var seen providers.Call
			guard := gate{"1", new([]string), func(c *providers.Call) error { seen = *c; return nil }}
			_, err := providers.NewRouter(slog.New(slog.DiscardHandler), guard).Run(t.Context(), &providers.Route{
				Candidates: []providers.Candidate{{Provider: providertest.NewFake("a").Does(providertest.Answer("{}")), Model: "m", Thinking: c.thinking}},
				Request:    providers.Request{OutputLimit: c.answer, TotalLimit: c.total},
			})
			if err != nil || seen.Output != c.want {
				t.Errorf("got %d tokens, want %d; %v", seen.Output, c.want, err)
			}
		})
	}
}

func TestGuardsSeeTheCall(t *testing.T) {
	var seen providers.Call
	look := func(c *providers.Call) error { seen = *c; return nil }
	owner := providers.Owner{Tenant: "acme", Agent: "A03"}
	_, told, err := guarded(t.Context(), &providers.Route{
		Owner:   owner,
		Request: providers.Request{OutputLimit: 900, Messages: []providers.Message{{Role: providers.User, Content: "请分析这个商机 now"}}},
		Fit: func(_ context.Context, c providers.Candidate, req *providers.Request) error {
			req.OutputLimit = min(req.OutputLimit, 100)
			return nil
		},
	}, []providers.Guard{gate{"1", new([]string), look}}, providertest.NewFake("a"))
	if err != nil {
		t.Fatal(err)
	}
	if seen.Candidate.String() != "a/m" || seen.Owner != owner || seen.Input != 5 || seen.Output != 100 {
		t.Errorf("the guard saw %+v", seen)
	}
	if told[0].TokenLimit != 100 {
		t.Errorf("told a limit of %d tokens", told[0].TokenLimit)
	}
}

func TestFitPassesACandidateOver(t *testing.T) {
	for _, err := range []error{&providers.Refusal{Reason: tasks.OutcomeTooSlow}, errors.New("broken")} {
		a := providertest.NewFake("a")
		answer, told, err := guarded(t.Context(), &providers.Route{
			Fit: func(_ context.Context, c providers.Candidate, _ *providers.Request) error {
				if c.Provider.Name() == "a" {
					return err
				}
				return nil
			},
		}, nil, a, providertest.NewFake("b"))
		if err != nil || answer.Candidate.String() != "b/m" || len(a.Asked()) != 0 || told[0].Called {
			t.Errorf("answer %+v, error %v, attempts %+v", answer, err, told)
		}
	}
}

func TestExhaustedByRefusals(t *testing.T) {
	refusal := func(after time.Duration) providers.Refusal {
		return providers.Refusal{Reason: tasks.OutcomeLimitReached, RetryAfter: after}
	}
	guards := []providers.Guard{
		gate{"1", new([]string), refuses("a", 9, refusal(time.Minute))}, gate{"2", new([]string), refuses("b", 9, refusal(20*time.Second))},
	}
	_, _, err := guarded(t.Context(), &providers.Route{}, guards, providertest.NewFake("a"), providertest.NewFake("b"))
	e, ok := errors.AsType[*providers.ExhaustedError](err)
	if !ok || e.Class != "" || e.Refused != tasks.OutcomeLimitReached || e.RetryAfter != 20*time.Second || !slices.Equal(e.Tried, []string{"a/m", "b/m"}) {
		t.Fatalf("nobody was asked: %+v", err)
	}

	failing := providertest.NewFake("c").Does(providertest.FailWith(providers.ClassBadRequest))
	for _, order := range [][]*providertest.Fake{{providertest.NewFake("a"), failing}, {failing, providertest.NewFake("a")}} {
		_, _, err = guarded(t.Context(), &providers.Route{}, guards, order...)
		e, ok = errors.AsType[*providers.ExhaustedError](err)
		if !ok || e.Class != providers.ClassBadRequest || e.Refused != "" || e.RetryAfter != time.Minute || providers.ClassOf(err) != e.Class {
			t.Errorf("one was asked: %+v", err)
		}
	}
}

// A candidate that failed and was then refused its retry has failed.
func TestARefusedRetryIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		once := func(*providers.Call) error {
			if calls++; calls > 1 {
				return &providers.Refusal{Reason: tasks.OutcomeBreakerOpen, RetryAfter: 10 * time.Second}
			}
			return nil
		}
		a := providertest.NewFake("a").Does(providertest.FailWith(providers.ClassServer))
		_, told, err := guarded(t.Context(), &providers.Route{}, []providers.Guard{gate{"1", new([]string), once}}, a)
		wantHeard(t, outcomes(told), "a/m:server", "a/m:breaker_open")
		e, ok := errors.AsType[*providers.ExhaustedError](err)
		if !ok || e.Class != providers.ClassServer || e.Refused != "" || e.RetryAfter != 10*time.Second {
			t.Errorf("got %+v", e)
		}
	})
}

func TestAShortRefusalIsWaitedForOnce(t *testing.T) {
	for _, c := range []struct {
		name    string
		refusal providers.Refusal
		times   int
		left    time.Duration
		took    time.Duration
		heard   []string
	}{
		{"a moment", providers.Refusal{Reason: tasks.OutcomeLimitReached, RetryAfter: time.Second}, 1, time.Hour, time.Second, []string{"a/m:limit_reached", "a/m:succeeded"}},
		{"but not twice", providers.Refusal{Reason: tasks.OutcomeLimitReached, RetryAfter: time.Second}, 2, time.Hour, time.Second, []string{"a/m:limit_reached", "b/m:succeeded"}},
		{"not for long", providers.Refusal{Reason: tasks.OutcomeLimitReached, RetryAfter: 2 * time.Second}, 1, time.Hour, 0, []string{"a/m:limit_reached", "b/m:succeeded"}},
		{"not when time is short", providers.Refusal{Reason: tasks.OutcomeLimitReached, RetryAfter: time.Second}, 1, time.Second, 0, []string{"a/m:limit_reached", "b/m:succeeded"}},
		{"not when nobody knows how long", providers.Refusal{Reason: tasks.OutcomeBudgetSpent}, 1, time.Hour, 0, []string{"a/m:budget_spent", "b/m:succeeded"}},
		{"not for a breaker", providers.Refusal{Reason: tasks.OutcomeBreakerOpen, RetryAfter: time.Second}, 1, time.Hour, 0, []string{"a/m:breaker_open", "b/m:succeeded"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.left)
				defer cancel()
				began := time.Now()
				guards := []providers.Guard{gate{"1", new([]string), refuses("a", c.times, c.refusal)}}
				_, told, err := guarded(ctx, &providers.Route{}, guards, providertest.NewFake("a"), providertest.NewFake("b"))
				if err != nil {
					t.Fatal(err)
				}
				wantHeard(t, outcomes(told), c.heard...)
				if took := time.Since(began); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
			})
		})
	}
}

// tariff charges one for every token written.
type tariff struct{}

func (tariff) Cost(u providers.Usage, _ time.Time) tasks.Money {
	return tasks.Money(u.Output)
}

func (tariff) Most(_, output int, _ time.Time) tasks.Money { return tasks.Money(output) }

func TestEveryCallHasItsCost(t *testing.T) {
	bad := providertest.NewFake("a").Does(providertest.Truncate("{"))
	var told []providers.Attempt
	_, err := providers.NewRouter(slog.New(slog.DiscardHandler)).Run(t.Context(), &providers.Route{
		Candidates: []providers.Candidate{{Provider: bad, Model: "m", Tariff: tariff{}}, {Provider: providertest.NewFake("b"), Model: "m"}},
		OnAttempt:  func(a providers.Attempt) { told = append(told, a) },
	})
	if err != nil {
		t.Fatal(err)
	}
	costs := []tasks.Money{told[0].Cost, told[1].Cost}
	if want := []tasks.Money{tasks.Money(providertest.FakeUsage.Output), 0}; !reflect.DeepEqual(costs, want) {
		t.Errorf("costs %v, want %v: a failed call that was billed, and one without a tariff", costs, want)
	}
}
