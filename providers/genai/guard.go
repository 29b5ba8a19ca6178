// Package genai exports metrics of model calls to Prometheus. Their names follow
// OpenTelemetry's conventions for generative AI (in development as of 2026), in
// the form that Prometheus uses.
package genai

import (
	"context"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

// operation is the name that the conventions give to every call.
const operation = "chat"

// Labels of every call, in the order of their values.
var labels = []string{"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"}

// metrics are the exported metrics.
type metrics struct {
	duration *prometheus.HistogramVec
	tokens   *prometheus.HistogramVec
	spent    *prometheus.CounterVec
	unknown  *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	return &metrics{
		duration: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gen_ai_client_operation_duration_seconds", Buckets: prometheus.ExponentialBuckets(0.01, 2, 14),
			Help: "Time of a call of a model, by the class of its failure if it failed.",
		}, append(slices.Clone(labels), "error_type")),
		tokens: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gen_ai_client_token_usage", Buckets: prometheus.ExponentialBuckets(1, 4, 14),
			Help: "Tokens of a call of a model, as the provider reported them.",
		}, append(slices.Clone(labels), "gen_ai_token_type")),
		spent: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spillway_model_cost_dollars_total", Help: "What calls of models have cost, by the usage that was reported and the prices of the presets.",
		}, labels[1:]),
		unknown: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spillway_model_calls_unmetered_total", Help: "Calls of models whose usage the server did not report, so that it was estimated.",
		}, labels[1:]),
	}
}

// Guard admits every call, and measures it. It must be the last guard, so that it
// sees only the calls that are made.
type Guard struct {
	metrics *metrics
	exempt  []string
}

var _ providers.Guard = (*Guard)(nil)

// New returns a Guard that registers its metrics with r. It does not measure the
// exempt providers, which have no model.
func New(r prometheus.Registerer, exempt ...string) *Guard {
	return &Guard{metrics: newMetrics(r), exempt: exempt}
}

// Enter admits the call.
func (g *Guard) Enter(_ context.Context, c *providers.Call) (leave func(*providers.Attempt), err error) {
	provider, model := c.Candidate.Provider.Name(), c.Candidate.Model
	if slices.Contains(g.exempt, provider) {
		return func(*providers.Attempt) {}, nil
	}
	return func(a *providers.Attempt) { g.metrics.observe(provider, model, a) }, nil
}

// observe records how a call ended.
func (m *metrics) observe(provider, model string, a *providers.Attempt) {
	if !a.Called {
		return
	}
	failure := a.Outcome
	if failure == tasks.OutcomeSucceeded {
		failure = "" // to Prometheus, as good as no label
	}
	m.duration.WithLabelValues(operation, provider, model, failure).Observe(a.Duration.Seconds())
	if !a.Estimated && a.Usage.Input+a.Usage.Output > 0 {
		m.tokens.WithLabelValues(operation, provider, model, "input").Observe(float64(a.Usage.Input))
		m.tokens.WithLabelValues(operation, provider, model, "output").Observe(float64(a.Usage.Output))
	}
	if a.Cost > 0 {
		m.spent.WithLabelValues(provider, model).Add(float64(a.Cost) / float64(tasks.Dollar))
	}
	if a.Estimated {
		m.unknown.WithLabelValues(provider, model).Inc()
	}
}
