// Package genai exports metrics of model calls to Prometheus, and their spans. The
// names follow OpenTelemetry's conventions for generative AI (in development as of
// 2026): those of spans, and the values that both share, are in names.go alone.
package genai

import (
	"context"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/trace"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

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
	tracer  trace.Tracer
	exempt  []string
}

var _ providers.Guard = (*Guard)(nil)

// New returns a Guard that registers its metrics with r and begins spans with tracer,
// unless it is nil. It does not measure the exempt providers, which have no model.
func New(r prometheus.Registerer, tracer trace.Tracer, exempt ...string) *Guard {
	if tracer == nil {
		tracer = tasks.NoTracer()
	}
	return &Guard{metrics: newMetrics(r), tracer: tracer, exempt: exempt}
}

// Enter admits the call.
func (g *Guard) Enter(ctx context.Context, c *providers.Call) (leave func(*providers.Attempt), err error) {
	provider, model := c.Candidate.Provider.Name(), c.Candidate.Model
	if slices.Contains(g.exempt, provider) {
		return func(*providers.Attempt) {}, nil
	}
	_, span := g.tracer.Start( //nolint:spancheck // leave, which is called exactly once, ends it
		ctx, operation+" "+model, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(began(provider, model, c)...))
	return func(a *providers.Attempt) { //nolint:spancheck // likewise
		g.metrics.observe(provider, model, a, span.SpanContext())
		end(span, a)
	}, nil
}

// observe records how a call ended.
func (m *metrics) observe(provider, model string, a *providers.Attempt, at trace.SpanContext) {
	if !a.Called {
		return
	}
	failure := a.Outcome
	if failure == tasks.OutcomeSucceeded {
		failure = "" // to Prometheus, as good as no label
	}
	duration := m.duration.WithLabelValues(operation, provider, model, failure)
	if linked, ok := duration.(prometheus.ExemplarObserver); ok && at.IsSampled() {
		linked.ObserveWithExemplar(a.Duration.Seconds(), prometheus.Labels{"trace_id": at.TraceID().String()})
	} else {
		duration.Observe(a.Duration.Seconds())
	}
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
