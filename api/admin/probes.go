package admin

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/topcentral/spillway/api"
)

// live answers as long as the process works: one that does not answer should be
// restarted.
func (s *server) live(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := io.WriteString(w, "ok\n")
	return err
}

// ready answers 200 while Redis answers and 503 while it does not. If Redis accepts no
// writes, so that new jobs are refused, the text says so.
func (s *server) ready(w http.ResponseWriter, r *http.Request) error {
	h := s.check(r)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	status := statusOf(h)
	if h.Redis.Status == api.HealthOK || h.Redis.Status == api.HealthDegraded {
		status = http.StatusOK // reads still work, and another instance could do no more
		if h.Status == api.HealthUnavailable {
			h.Status = api.HealthDegraded
		}
	}
	w.WriteHeader(status)
	_, err := io.WriteString(w, strings.TrimSpace(string(h.Status)+"\n"+h.Redis.Detail)+"\n")
	return err
}

// health shows the health of each part, as the API does.
func (s *server) health(w http.ResponseWriter, r *http.Request) error {
	h := s.check(r)
	body, err := json.Marshal(h)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(statusOf(h))
	_, err = w.Write(append(body, '\n'))
	return err
}

func (s *server) check(r *http.Request) api.Health {
	ctx, cancel := context.WithTimeout(r.Context(), healthLimit)
	defer cancel()
	return s.Health(ctx)
}

func statusOf(h api.Health) int {
	if h.Status == api.HealthUnavailable {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}
