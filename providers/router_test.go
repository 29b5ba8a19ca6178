package providers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
)

// run runs a route over fakes, each asked as "m", and returns what was heard of
// its attempts as "name:outcome".
func run(ctx context.Context, check func(json.RawMessage) error, fakes ...*providertest.Fake) (answer *providers.Answer, heard []string, err error) {
	route := &providers.Route{
		Request: providers.Request{Messages: []providers.Message{{Role: providers.User, Content: "ask"}}},
		Check: func(out json.RawMessage) (json.RawMessage, error) {
			if check == nil {
				return out, nil
			}
			return out, check(out)
		},
		OnAttempt: func(a providers.Attempt) { heard = append(heard, a.Candidate+":"+a.Outcome) },
	}
	for _, f := range fakes {
		route.Candidates = append(route.Candidates, providers.Candidate{Provider: f, Model: "m"})
	}
	answer, err = providers.NewRouter(slog.New(slog.DiscardHandler)).Run(ctx, route)
	return answer, heard, err
}

func wantHeard(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("attempts %q, want %q", got, want)
	}
}

func TestRouterTakesTheFirstValidAnswer(t *testing.T) {
	a := providertest.NewFake("a").Does(providertest.Answer("Sure!\n```json\n{\"ok\":true}\n```"))
	b := providertest.NewFake("b")
	answer, heard, err := run(t.Context(), nil, a, b)
	if err != nil {
		t.Fatal(err)
	}
	if string(answer.Output) != `{"ok":true}` || answer.Candidate.String() != "a/m" || answer.Usage != providertest.FakeUsage {
		t.Errorf("answer %+v", answer)
	}
	wantHeard(t, heard, "a/m:succeeded")
	if len(b.Asked()) != 0 {
		t.Error("b was asked")
	}
}

// TestRouterFollowsThePolicy walks over every class: how often the failing
// candidate is asked, and whether the next one is.
func TestRouterFollowsThePolicy(t *testing.T) {
	for _, class := range providers.Classes() {
		t.Run(string(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := providertest.NewFake("a").Does(providertest.FailWith(class))
				b := providertest.NewFake("b")
				_, _, err := run(t.Context(), nil, a, b)
				calls := 1
				if class.Policy().RetrySame {
					calls = 2
				}
				if got := len(a.Asked()); got != calls {
					t.Errorf("asked %d times, want %d", got, calls)
				}
				if fell := len(b.Asked()) == 1; fell != class.Policy().FallBack {
					t.Errorf("fell back: %t", fell)
				}
				if !class.Policy().FallBack && providers.ClassOf(err) != class {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

func TestRouterReasksWithWordOfWhatWasWrong(t *testing.T) {
	invalid := errors.New("/score: got 120, want at most 100")
	check := func(out json.RawMessage) error {
		if strings.Contains(string(out), "120") {
			return invalid
		}
		return nil
	}
	a := providertest.NewFake("a").Does(providertest.Sequence(
		providertest.Answer(`{"score":120}`), providertest.Answer(`{"score":100}`)))
	answer, heard, err := run(t.Context(), check, a)
	if err != nil {
		t.Fatal(err)
	}
	wantHeard(t, heard, "a/m:bad_output", "a/m:succeeded")
	if string(answer.Output) != `{"score":100}` || answer.Usage.Output != 2*providertest.FakeUsage.Output {
		t.Errorf("answer %+v: want the second output and the usage of both calls", answer)
	}
	second := a.Asked()[1].Messages
	if len(second) != 3 || second[1].Role != providers.Assistant || second[1].Content != `{"score":120}` ||
		second[2].Role != providers.User || !strings.Contains(second[2].Content, invalid.Error()) || !json.Valid([]byte(second[2].Content)) {
		t.Errorf("the re-ask was %+v", second)
	}
}

func TestRouterAcceptsNoBadOutput(t *testing.T) {
	reject := func(json.RawMessage) error { return errors.New("never good enough") }
	for _, c := range []struct {
		name     string
		behavior providertest.Behavior
		check    func(json.RawMessage) error
		heard    []string
	}{
		{"truncated: not asked again", providertest.Truncate(`{"a":1}`), nil, []string{"a/m:bad_output"}},
		{"blank", providertest.Answer(""), nil, []string{"a/m:bad_output", "a/m:bad_output"}},
		{"prose", providertest.Answer("I cannot."), nil, []string{"a/m:bad_output", "a/m:bad_output"}},
		{"cut off", providertest.Answer(`{"a":{"b":1}`), nil, []string{"a/m:bad_output", "a/m:bad_output"}},
		{"invalid", providertest.Answer(`{}`), reject, []string{"a/m:bad_output", "a/m:bad_output"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, heard, err := run(t.Context(), c.check, providertest.NewFake("a").Does(c.behavior))
			wantHeard(t, heard, c.heard...)
			if e, ok := errors.AsType[*providers.ExhaustedError](err); !ok || e.Class != providers.ClassBadOutput {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestRouterReasksForABlankAnswerWithoutQuotingIt(t *testing.T) {
	blank := func(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		return &providers.Response{Usage: providertest.FakeUsage}, providers.Errorf(providers.ClassBadOutput, "blank")
	}
	a := providertest.NewFake("a").Does(providertest.Sequence(blank, providertest.Answer("{}")))
	answer, heard, err := run(t.Context(), nil, a)
	if err != nil {
		t.Fatal(err)
	}
	wantHeard(t, heard, "a/m:bad_output", "a/m:succeeded")
	if got := len(a.Asked()[1].Messages); got != 1 {
		t.Errorf("%d messages, want the first one only", got)
	}
	if answer.Usage.Input != 2*providertest.FakeUsage.Input {
		t.Errorf("usage %+v: the blank answer was paid for too", answer.Usage)
	}
}

func TestRouterPausesBeforeARetry(t *testing.T) {
	for _, c := range []struct {
		name       string
		retryAfter time.Duration
		deadline   time.Duration
		min, max   time.Duration
		calls      int
	}{
		{"a moment when nothing is said", 0, never, 250 * time.Millisecond, 500 * time.Millisecond, 2},
		{"as long as the server asks", 3 * time.Second, never, 3 * time.Second, 3 * time.Second, 2},
		{"not when that is long", 20 * time.Second, never, 0, 0, 1},
		{"not when time is short", 3 * time.Second, 2 * time.Second, 0, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				defer cancel()
				limited := &providers.Error{Class: providers.ClassRateLimited, RetryAfter: c.retryAfter}
				a := providertest.NewFake("a").Does(providertest.Fail(limited))
				began := time.Now()
				_, _, err := run(ctx, nil, a)
				if took := time.Since(began); took < c.min || took > c.max {
					t.Errorf("took %v, want %v to %v", took, c.min, c.max)
				}
				if got := len(a.Asked()); got != c.calls {
					t.Errorf("%d calls, want %d", got, c.calls)
				}
				if !errors.Is(err, limited) {
					t.Errorf("%v does not wrap the last failure", err)
				}
			})
		})
	}
}

func TestExhaustedErrorTellsWhenToComeBack(t *testing.T) {
	limited := func(name string, after time.Duration) *providertest.Fake {
		return providertest.NewFake(name).Does(providertest.Fail(&providers.Error{Class: providers.ClassRateLimited, RetryAfter: after}))
	}
	dead := providertest.NewFake("c").Does(providertest.FailWith(providers.ClassQuotaDead))
	_, _, err := run(t.Context(), nil, limited("a", time.Minute), limited("b", 30*time.Second), dead)
	e, ok := errors.AsType[*providers.ExhaustedError](err)
	if !ok {
		t.Fatal(err)
	}
	if e.Class != providers.ClassQuotaDead || e.RetryAfter != 30*time.Second || !slices.Equal(e.Tried, []string{"a/m", "b/m", "c/m"}) {
		t.Errorf("got %+v", e)
	}
	if providers.ClassOf(err) != providers.ClassQuotaDead {
		t.Error("it does not wrap the last failure")
	}

	_, _, err = run(t.Context(), nil)
	if e, ok := errors.AsType[*providers.ExhaustedError](err); !ok || e.Class != "" || e.Error() == "" {
		t.Errorf("no candidates: %v", err)
	}
}

func TestRouterStopsWhenTheContextEnds(t *testing.T) {
	why := errors.New("the job was canceled")
	limited := providertest.Fail(&providers.Error{Class: providers.ClassRateLimited, RetryAfter: 4 * time.Second})
	for _, c := range []struct {
		name     string
		behavior providertest.Behavior
		heard    []string
	}{
		{"in a call", providertest.Hang(), []string{"a/m:canceled"}},
		{"in a pause", limited, []string{"a/m:rate_limited"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(why) })
				b := providertest.NewFake("b")
				_, heard, err := run(ctx, nil, providertest.NewFake("a").Does(c.behavior), b)
				if providers.ClassOf(err) != providers.ClassCanceled || !errors.Is(err, why) {
					t.Errorf("error %v", err)
				}
				wantHeard(t, heard, c.heard...)
				if len(b.Asked()) != 0 {
					t.Error("b was asked")
				}
			})
		})
	}
}

func TestAttemptsTellWhatHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(_ context.Context, _ *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
			time.Sleep(time.Second)
			onDelta(providers.Delta{Reasoning: "hm"})
			time.Sleep(time.Second)
			return &providers.Response{
				Text: "{}", Usage: providertest.FakeUsage, FirstToken: time.Second,
				Load: 1, Prefill: 2, Decode: 3,
			}, nil
		}
		var got []providers.Attempt
		var deltas []string
		c := providers.Candidate{Provider: providertest.NewFake("a").Does(slow), Model: "m"}
		began := time.Now()
		_, err := providers.NewRouter(slog.New(slog.DiscardHandler)).Run(t.Context(), &providers.Route{
			Candidates: []providers.Candidate{c},
			OnDelta:    func(c providers.Candidate, d providers.Delta) { deltas = append(deltas, c.String()+":"+d.Reasoning) },
			OnAttempt:  func(a providers.Attempt) { got = append(got, a) },
		})
		if err != nil {
			t.Fatal(err)
		}
		want := providers.Attempt{
			Candidate: "a/m", Called: true, Outcome: tasks.OutcomeSucceeded, StartedAt: began, FirstToken: time.Second, Duration: 2 * time.Second,
			Load: 1, Prefill: 2, Decode: 3, Usage: providertest.FakeUsage,
		}
		if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if !slices.Equal(deltas, []string{"a/m:hm"}) {
			t.Errorf("deltas %q", deltas)
		}
	})
}

func ExampleRouter_Run() {
	local := providertest.NewFake("ollama").Does(providertest.FailWith(providers.ClassContextOverflow))
	cloud := providertest.NewFake("deepseek").Does(providertest.Answer(`{"level":"A"}`))
	answer, err := providers.NewRouter(slog.New(slog.DiscardHandler)).Run(context.Background(), &providers.Route{
		Candidates: []providers.Candidate{{Provider: local, Model: "qwen2.5:7b"}, {Provider: cloud, Model: "deepseek-flash"}},
		OnAttempt:  func(a providers.Attempt) { fmt.Println(a.Candidate, a.Outcome) },
	})
	fmt.Println(string(answer.Output), err)
	// Output:
	// ollama/qwen2.5:7b context_overflow
	// deepseek/deepseek-flash succeeded
	// {"level":"A"} <nil>
}
