package webhook

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/topcentral/spillway/tasks"
)

// metrics is what Prometheus is told of deliveries.
type metrics struct{ tries *prometheus.HistogramVec }

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{promauto.With(r).NewHistogramVec(prometheus.HistogramOpts{
		Name: "spillway_webhook_delivery_duration_seconds", Buckets: []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15},
		Help: "Time of one try to deliver a webhook, by its outcome.",
	}, []string{"outcome"})}
	for _, c := range []Class{Delivered, Gone, Rejected, Forbidden, TimedOut, Insecure, Unreachable, Unsigned} {
		m.tries.WithLabelValues(string(c)) // there from the start, at 0
	}
	return m
}

// measured is a Register that measures the tries it is told of.
type measured struct {
	Register

	metrics *metrics
}

// WithMetrics returns a Register as r is that tells to of every try.
func WithMetrics(r Register, to prometheus.Registerer) Register {
	return measured{r, newMetrics(to)}
}

// Note keeps a try in the log.
func (m measured) Note(ctx context.Context, tenant string, d *tasks.Delivery) (disabled bool, err error) {
	took := time.Duration(d.DurationMS) * time.Millisecond
	m.metrics.tries.WithLabelValues(d.Outcome).Observe(took.Seconds())
	return m.Register.Note(ctx, tenant, d)
}
