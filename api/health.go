package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/topcentral/spillway/api/internal/contract"
	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/api/internal/spec"
)

// CheckHealth reports by its status whether jobs are accepted, and to operators the
// health of each part.
func (s *server) CheckHealth(ctx context.Context, _ spec.CheckHealthRequestObject) (spec.CheckHealthResponseObject, error) {
	h := s.health(ctx)
	if !isOperator(ctx) {
		return wellness(h.Status), nil
	}
	if h.Queues == nil {
		h.Queues = []QueueHealth{}
	}
	if h.Lanes == nil {
		h.Lanes = []LaneHealth{}
	}
	if h.Providers == nil {
		h.Providers = []ProviderHealth{}
	}
	for i := range h.Lanes {
		if h.Lanes[i].Models == nil {
			h.Lanes[i].Models = []string{}
		}
	}
	if h.Status == HealthUnavailable {
		return spec.CheckHealth503JSONResponse{
			Body:    h,
			Headers: spec.CheckHealth503ResponseHeaders{RetryAfter: httpx.RetryUnavailable},
		}, nil
	}
	return spec.CheckHealth200JSONResponse(h), nil
}

// wellness is the answer to others than operators: the status alone.
type wellness HealthStatus

// VisitCheckHealthResponse writes the status alone.
func (h wellness) VisitCheckHealthResponse(w http.ResponseWriter) error {
	body, err := json.Marshal(map[string]HealthStatus{"status": HealthStatus(h)})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", contract.MediaJSON)
	status := http.StatusOK
	if HealthStatus(h) == HealthUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(httpx.RetryUnavailable))
		status = http.StatusServiceUnavailable
	}
	w.WriteHeader(status)
	_, err = w.Write(append(body, '\n'))
	return err
}
