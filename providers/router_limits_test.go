package providers_test

import (
	"log/slog"
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
