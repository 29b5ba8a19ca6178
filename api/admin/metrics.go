package admin

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsPath is the path that Prometheus scrapes.
const metricsPath = "/metrics"

// scrapesAtOnce is how many scrapes may run at once.
const scrapesAtOnce = 4

// metrics serves the metrics. Those that fail are left out and logged, so that they do
// not take the others with them.
func (s *server) metrics() handler {
	h := promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError, EnableOpenMetrics: true, // for exemplars
		MaxRequestsInFlight: scrapesAtOnce,
	})
	return func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}
}
