package api

import (
	"context"

	"github.com/topcentral/spillway/api/internal/spec"
)

// SubmitJob takes a job, and holds the answer back if the caller prefers so. A
// replay is answered as the job is now.
func (s *server) SubmitJob(ctx context.Context, request spec.SubmitJobRequestObject) (spec.SubmitJobResponseObject, error) {
	key, err := parseKey(request.Params.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	request.Body.IdempotencyKey = key
	job, replayed, err := s.jobs.Submit(ctx, tenantOf(ctx), request.Body)
	if err != nil {
		return nil, err
	}
	var replay *string
	if replayed {
		replay = new("true")
	}
	prefers := parsePrefer(request.Params.Prefer, s.cfg.MaxWait)
	job, waited := s.await(ctx, job, prefers.wait)
	applied := prefers.applied(waited)
	if job.State.Terminal() {
		return spec.SubmitJob200JSONResponse{
			Body: shown(job),
			Headers: spec.SubmitJob200ResponseHeaders{
				ETag:               etag(job),
				IdempotentReplayed: replay,
				Location:           location(job),
				PreferenceApplied:  applied,
				Vary:               varyPrefer,
			},
		}, nil
	}
	return spec.SubmitJob202JSONResponse{
		Body: shown(job),
		Headers: spec.SubmitJob202ResponseHeaders{
			ETag:               etag(job),
			IdempotentReplayed: replay,
			Location:           location(job),
			PreferenceApplied:  applied,
			RetryAfter:         retryAfter(job),
			Vary:               varyPrefer,
		},
	}, nil
}
