package api

import (
	"context"

	"github.com/topcentral/spillway/api/internal/spec"
)

// CheckHealth tells which part is well, and by its status whether jobs can be
// taken.
func (s *server) CheckHealth(ctx context.Context, _ spec.CheckHealthRequestObject) (spec.CheckHealthResponseObject, error) {
	h := s.health(ctx)
	if h.Queues == nil {
		h.Queues = []QueueHealth{}
	}
	if h.Lanes == nil {
		h.Lanes = []LaneHealth{}
	}
	for i := range h.Lanes {
		if h.Lanes[i].Models == nil {
			h.Lanes[i].Models = []string{}
		}
	}
	if h.Status == HealthUnavailable {
		return spec.CheckHealth503JSONResponse{
			Body:    h,
			Headers: spec.CheckHealth503ResponseHeaders{RetryAfter: retryUnavailable},
		}, nil
	}
	return spec.CheckHealth200JSONResponse(h), nil
}
