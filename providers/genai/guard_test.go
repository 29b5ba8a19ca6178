package genai

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
)

func attempt(outcome string, change func(*providers.Attempt)) *providers.Attempt {
	a := &providers.Attempt{Called: true, Outcome: outcome, Duration: 30 * time.Millisecond}
	if change != nil {
		change(a)
	}
	return a
}

func TestCallsAreMeasured(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	g := New(r, nil, "scorecard")
	end := func(provider string, a *providers.Attempt) {
		t.Helper()
		leave, err := g.Enter(t.Context(), &providers.Call{Candidate: providers.Candidate{Provider: providertest.NewFake(provider), Model: "m"}})
		if err != nil {
			t.Fatal(err)
		}
		leave(a)
	}
	end("kimi", attempt(tasks.OutcomeSucceeded, func(a *providers.Attempt) {
		a.Usage, a.Cost = providers.Usage{Input: 100, Output: 20}, 25e10
	}))
	end("kimi", attempt(string(providers.ClassRateLimited), nil))
	end("kimi", attempt(string(providers.ClassTimeout), func(a *providers.Attempt) { a.Estimated, a.Usage = true, providers.Usage{Input: 7} }))
	end("kimi", attempt(tasks.OutcomeBreakerOpen, func(a *providers.Attempt) { a.Called = false }))
	end("scorecard", attempt(tasks.OutcomeSucceeded, nil))

	err := testutil.GatherAndCompare(r, strings.NewReader(`
		# HELP spillway_model_cost_dollars_total What calls of models have cost, by the usage that was reported and the prices of the presets.
		# TYPE spillway_model_cost_dollars_total counter
		spillway_model_cost_dollars_total{gen_ai_provider_name="kimi",gen_ai_request_model="m"} 0.25
		# HELP spillway_model_calls_unmetered_total Calls of models whose usage the server did not report, so that it was estimated.
		# TYPE spillway_model_calls_unmetered_total counter
		spillway_model_calls_unmetered_total{gen_ai_provider_name="kimi",gen_ai_request_model="m"} 1
		# HELP gen_ai_client_token_usage Tokens of a call of a model, as the provider reported them.
		# TYPE gen_ai_client_token_usage histogram
		`+usage("input", 100)+usage("output", 20)), "spillway_model_cost_dollars_total", "spillway_model_calls_unmetered_total", "gen_ai_client_token_usage")
	if err != nil {
		t.Error(err)
	}
	// One for each way in which the calls that were made ended.
	if got := testutil.CollectAndCount(g.metrics.duration); got != 3 {
		t.Errorf("durations: got %d series, want 3", got)
	}
	problems, err := testutil.GatherAndLint(r)
	if err != nil || len(problems) > 0 {
		t.Errorf("names: got %v, %v", problems, err)
	}
}

// usage is what is told of one call with so many tokens.
func usage(kind string, tokens int) string {
	var b strings.Builder
	of := `{gen_ai_operation_name="chat",gen_ai_provider_name="kimi",gen_ai_request_model="m",gen_ai_token_type="` + kind + `"`
	for power, bound := 0, 1; power < 14; power, bound = power+1, bound*4 {
		within := 0
		if tokens <= bound {
			within = 1
		}
		fmt.Fprintf(&b, "gen_ai_client_token_usage_bucket%s,le=%q} %d\n", of, strconv.FormatFloat(float64(bound), 'g', -1, 64), within)
	}
	fmt.Fprintf(&b, "gen_ai_client_token_usage_bucket%s,le=\"+Inf\"} 1\ngen_ai_client_token_usage_sum%s} %d\ngen_ai_client_token_usage_count%s} 1\n", of, of, tokens, of)
	return b.String()
}

func TestTheGuardSeesWhatTheRouterMakesOfACall(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	answers := providers.Candidate{Provider: providertest.NewFake("kimi"), Model: "m"}
	route := &providers.Route{Candidates: []providers.Candidate{answers}}
	if _, err := providers.NewRouter(slog.New(slog.DiscardHandler), New(r, nil)).Run(t.Context(), route); err != nil {
		t.Fatal(err)
	}
	if n := testutil.CollectAndCount(r, "gen_ai_client_operation_duration_seconds"); n != 1 {
		t.Errorf("calls: got %d", n)
	}
}
