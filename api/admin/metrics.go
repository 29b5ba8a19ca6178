package admin

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsPath is where Prometheus asks.
const metricsPath = "/metrics"

// scrapesAtOnce is how many may ask at once.
const scrapesAtOnce = 4

// metrics tells Prometheus what there is. What cannot be told is left out and
// logged, so that it takes nothing else with it.
func (s *server) metrics() handler {
	h := promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: scrapesAtOnce,
	})
	return func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}
}
