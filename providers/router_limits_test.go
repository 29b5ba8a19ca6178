package providers_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
)

// A server that does not answer for one model is not asked for the next; one
// that answers badly is.
func TestRouterPassesOverAProviderThatIsDown(t *testing.T) {
	for _, class := range providers.Classes() {
		if !class.Policy().FallBack {
			continue
		}
		t.Run(string(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := providertest.NewFake("a").Does(providertest.FailWith(class))
				b := providertest.NewFake("b")
				var heard []string
				_, err := providers.NewRouter(slog.New(slog.DiscardHandler)).Run(t.Context(), &providers.Route{
					Candidates: []providers.Candidate{{Provider: a, Model: "large"}, {Provider: a, Model: "small"}, {Provider: b, Model: "m"}},
					OnAttempt:  func(r providers.Attempt) { heard = append(heard, r.Candidate) },
				})
				if err != nil {
					t.Fatalf("run: %v", err)
				}
				asked := map[string]bool{}
				for _, c := range heard {
					asked[c] = true
				}
				if asked["a/small"] == (class.Policy().Whole || class.Policy().Once) || !asked["b/m"] {
					t.Errorf("asked %q", heard)
				}
			})
		})
	}
}

func TestRouterBeginsNoCallAfterItsStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := providertest.NewFake("a").Does(providertest.FailWith(providers.ClassServer))
		b := providertest.NewFake("b")
		_, err := providers.NewRouter(slog.New(slog.DiscardHandler)).Run(t.Context(), &providers.Route{
			Candidates: []providers.Candidate{{Provider: a, Model: "m"}, {Provider: b, Model: "m"}},
			StopAt:     time.Now(),
		})
		if err == nil || len(a.Asked()) != 1 || len(b.Asked()) != 0 {
			t.Errorf("asked a %d and b %d times, error %v; want a once, since the first call is always made, and an error", len(a.Asked()), len(b.Asked()), err)
		}
	})
}

func TestOneRunHasOneBudgetOfTries(t *testing.T) {
	for _, c := range []struct {
		name  string
		tries int
		heard []string
	}{
		{"by default", 0, []string{"a/m:server", "a/m:server", "b/m:server", "b/m:server", "c/m:server", "c/m:server"}},
		{"one for each comes first", 4, []string{"a/m:server", "a/m:server", "b/m:server", "c/m:server"}},
		{"no more", 2, []string{"a/m:server", "b/m:server"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var fakes []*providertest.Fake
				for _, name := range []string{"a", "b", "c"} {
					fakes = append(fakes, providertest.NewFake(name).Does(providertest.FailWith(providers.ClassServer)))
				}
				_, told, err := guarded(t.Context(), &providers.Route{Tries: c.tries}, nil, fakes...)
				if _, ok := errors.AsType[*providers.ExhaustedError](err); !ok {
					t.Errorf("error %v", err)
				}
				wantHeard(t, outcomes(told), c.heard...)
			})
		})
	}
}

// A prompt that is too long for one goes to a candidate with a larger window.
func TestAnOverflowGoesToALargerWindow(t *testing.T) {
	for _, c := range []struct {
		windows []int
		asked   []string
	}{
		{[]int{8192, 4096, 32768}, []string{"a/m0", "a/m2"}},
		{[]int{8192, 8192, 8192}, []string{"a/m0"}},
		{[]int{8192, 0}, []string{"a/m0", "a/m1"}},
		{[]int{0, 8192}, []string{"a/m0", "a/m1"}},
	} {
		var heard []string
		full := providertest.NewFake("a").Does(providertest.FailWith(providers.ClassContextOverflow))
		route := &providers.Route{OnAttempt: func(a providers.Attempt) { heard = append(heard, a.Candidate) }}
		for i, window := range c.windows {
			route.Candidates = append(route.Candidates, providers.Candidate{Provider: full, Model: fmt.Sprint("m", i), Context: window})
		}
		_, _ = providers.NewRouter(slog.New(slog.DiscardHandler)).Run(t.Context(), route)
		wantHeard(t, heard, c.asked...)
	}
}

func TestBlockedContentIsSentToOneMoreProvider(t *testing.T) {
	var fakes []*providertest.Fake
	for _, name := range []string{"a", "b", "c"} {
		fakes = append(fakes, providertest.NewFake(name).Does(providertest.FailWith(providers.ClassContentBlocked)))
	}
	_, told, _ := guarded(t.Context(), &providers.Route{}, nil, fakes...)
	wantHeard(t, outcomes(told), "a/m:content_blocked", "b/m:content_blocked")
	if len(told) != 2 || !slices.Equal(told[0].Next, []string{"b/m", "c/m"}) {
		t.Errorf("attempts %+v", told)
	}
}

func TestACandidateThatStandsTwiceIsAskedOnce(t *testing.T) {
	a := providertest.NewFake("a").Does(providertest.FailWith(providers.ClassBadRequest))
	_, told, _ := guarded(t.Context(), &providers.Route{}, nil, a, a)
	wantHeard(t, outcomes(told), "a/m:bad_request")
}

// No re-ask is made for which there is no time.
func TestNoReaskThatCannotEndInTime(t *testing.T) {
	for _, c := range []struct {
		left  time.Duration
		heard []string
	}{
		{9 * time.Second, []string{"a/m:bad_output", "b/m:succeeded"}},
		{20 * time.Second, []string{"a/m:bad_output", "a/m:bad_output", "b/m:succeeded"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), c.left)
			defer cancel()
			slow := func(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
				time.Sleep(5 * time.Second)
				return providertest.Answer("no JSON")(ctx, req, onDelta)
			}
			_, told, err := guarded(ctx, &providers.Route{}, nil, providertest.NewFake("a").Does(slow), providertest.NewFake("b"))
			if err != nil {
				t.Error(err)
			}
			wantHeard(t, outcomes(told), c.heard...)
		})
	}
}
