package api

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics are those of the HTTP API.
type metrics struct {
	requests *prometheus.HistogramVec // by operation and status
	streams  prometheus.Gauge         // open event streams
	waits    prometheus.Gauge         // requests that wait for the end of a job
}

// noOperation is the operation of requests that match none, or were refused before
// that was known.
const noOperation = "none"

// requestBuckets are seconds. The largest is the longest wait that a caller may
// ask for.
var requestBuckets = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}

// newMetrics registers the metrics with r, which may be nil.
func newMetrics(r prometheus.Registerer, slots int) *metrics {
	f := promauto.With(r)
	held := f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "spillway_http_held_requests", Help: "Requests that are open for long, by kind: event streams, and waits for the end of a job.",
	}, []string{"kind"})
	f.NewGauge(prometheus.GaugeOpts{
		Name: "spillway_http_held_requests_limit", Help: "How many of these may be open in this process at once.",
	}).Set(float64(slots))
	return &metrics{
		requests: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "spillway_http_request_duration_seconds", Buckets: requestBuckets,
			Help: "Time until a request was answered, by operation of the contract and class of the status. It includes the time that a caller asked to wait; event streams count until they begin.",
		}, []string{"operation", "status"}),
		streams: held.WithLabelValues("events"),
		waits:   held.WithLabelValues("wait"),
	}
}

// measured is a response that notes its status.
type measured struct {
	http.ResponseWriter

	began     time.Time
	operation string
	route     string // path of the operation in the contract; "" until it is known
	status    int    // 0: none has been written
	trace     string // ID of the trace, if it is sampled
}

// WriteHeader notes the final status.
func (m *measured) WriteHeader(status int) {
	if m.status == 0 && status >= http.StatusOK {
		m.status = status
	}
	m.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the underlying writer.
func (m *measured) Unwrap() http.ResponseWriter { return m.ResponseWriter }

// statusClasses are the labels of a status, by its hundreds.
var statusClasses = [...]string{2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}

// observe records a request that has been answered. Without a status it counts as 200.
func (m *metrics) observe(r *measured) {
	class := statusClasses[2]
	if hundreds := r.status / 100; hundreds > 2 && hundreds < len(statusClasses) {
		class = statusClasses[hundreds]
	}
	observe(m.requests.WithLabelValues(r.operation, class), time.Since(r.began), r.trace)
}

// observe records a duration, with a link to its trace if it has one.
func observe(o prometheus.Observer, took time.Duration, trace string) {
	if linked, ok := o.(prometheus.ExemplarObserver); ok && trace != "" {
		linked.ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": trace})
		return
	}
	o.Observe(took.Seconds())
}

type measuredKey struct{}

// measuredOf returns the measured response of a request, nil outside of measure.
func measuredOf(ctx context.Context) *measured {
	m, _ := ctx.Value(measuredKey{}).(*measured)
	return m
}
