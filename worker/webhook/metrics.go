package webhook

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/topcentral/spillway/tasks"
)

// metrics are the metrics of deliveries.
type metrics struct{ tries *prometheus.HistogramVec }

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{promauto.With(r).NewHistogramVec(prometheus.HistogramOpts{
		Name: "spillway_webhook_delivery_duration_seconds", Buckets: []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15},
		Help: "Time of one try to deliver a webhook, by its outcome.",
	}, []string{"outcome"})}
	for _, c := range []Class{Delivered, Gone, Rejected, Forbidden, TimedOut, Insecure, Unreachable, Unsigned} {
		m.tries.WithLabelValues(string(c)) // present from the start, at 0
	}
	return m
}

// measured is a Registry that measures the tries it logs.
type measured struct {
	Registry

	metrics *metrics
}

// WithMetrics returns a Registry that logs tries in r and measures them.
func WithMetrics(r Registry, to prometheus.Registerer) Registry {
	return measured{r, newMetrics(to)}
}

// Note keeps a try in the log.
func (m measured) Note(ctx context.Context, tenant string, d *tasks.Delivery) (disabled bool, err error) {
	took := time.Duration(d.DurationMS) * time.Millisecond
	m.metrics.tries.WithLabelValues(d.Outcome).Observe(took.Seconds())
	return m.Registry.Note(ctx, tenant, d)
}
