package breaker_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/breaker"
	"github.com/topcentral/spillway/providers/providertest"
)

// prompt is as long as a usual one, 6 KB.
var prompt = strings.Repeat("客户上次沟通时提到预算已经批复, next step: quotation. ", 90)

// BenchmarkDecision is what the router adds to a call. decision-ns/op is the
// time until the candidate is asked; the rest is for its answer to be read,
// checked and told of.
func BenchmarkDecision(b *testing.B) {
	decide(b, &instant{name: "a"}, &instant{name: "b"}, &instant{name: "c"})
}

// BenchmarkFallback is the same when the breaker of the first candidate is open.
func BenchmarkFallback(b *testing.B) {
	dead := providertest.NewFake("dead").Does(providertest.FailWith(providers.ClassAuthDead))
	decide(b, dead, &instant{name: "b"}, &instant{name: "c"})
	if got := len(dead.Asked()); got > 1 {
		b.Errorf("the dead one was asked %d times", got)
	}
}

func decide(b *testing.B, first providers.Provider, second, third *instant) {
	b.Helper()
	quiet, attempts := slog.New(slog.DiscardHandler), 0
	router := providers.NewRouter(quiet, breaker.New(breaker.DefaultConfig(), quiet))
	route := &providers.Route{
		Candidates: []providers.Candidate{{Provider: first, Model: "m"}, {Provider: second, Model: "m"}, {Provider: third, Model: "m"}},
		Request:    providers.Request{Messages: []providers.Message{{Role: providers.User, Content: prompt}}},
		OnAttempt:  func(providers.Attempt) { attempts++ },
	}
	answering, ok := first.(*instant)
	if !ok {
		answering = second
		_, _ = router.Run(b.Context(), route) // opens the breaker
	}
	var deciding time.Duration
	b.ReportAllocs()
	for b.Loop() {
		began := time.Now()
		if _, err := router.Run(b.Context(), route); err != nil {
			b.Fatal(err)
		}
		deciding += answering.asked.Sub(began)
	}
	b.ReportMetric(float64(deciding.Nanoseconds())/float64(b.N), "decision-ns/op")
}

// instant answers at once, and remembers when it was asked.
type instant struct {
	providers.Provider
	name  string
	asked time.Time
}

func (p *instant) Name() string { return p.name }

func (p *instant) Generate(context.Context, *providers.Request, func(providers.Delta)) (*providers.Response, error) {
	p.asked = time.Now()
	return &providers.Response{Text: `{"ok":true}`}, nil
}
