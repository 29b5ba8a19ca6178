package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/topcentral/spillway/api/internal/contract"
	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

// SubmitJob accepts a job, and waits for its end if the caller prefers that. A replay
// shows the job as it is now.
func (s *server) SubmitJob(ctx context.Context, request spec.SubmitJobRequestObject) (spec.SubmitJobResponseObject, error) {
	if request.Params.DryRun {
		return s.preview(ctx, request.Body)
	}
	key, err := httpx.ParseIdempotencyKey(request.Params.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	request.Body.IdempotencyKey = key
	job, replayed, err := s.jobs.Submit(ctx, tenantOf(ctx), request.Body)
	releaseBody(ctx) // the caller may wait
	if err != nil {
		return nil, err
	}
	var replay *string
	if replayed {
		replay = new("true")
	}
	prefers := httpx.ParsePrefer(request.Params.Prefer, s.cfg.MaxWait)
	if prefers.Wait > 0 && !job.State.Terminal() {
		if err := recordEarly(ctx, http.StatusAccepted, location(job)); err != nil {
			return nil, err
		}
	}
	job, waited := s.await(ctx, job, prefers.Wait)
	applied := prefers.Applied(waited)
	if job.State.Terminal() {
		return spec.SubmitJob200JSONResponse{
			Body: shown(ctx, job),
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
		Body: shown(ctx, job),
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

// PlanJob shows the job that a submission would make.
func (s *server) PlanJob(ctx context.Context, request spec.PlanJobRequestObject) (spec.PlanJobResponseObject, error) {
	return s.preview(ctx, request.Body)
}

// preview shows the job that a submission would make.
func (s *server) preview(ctx context.Context, submission *tasks.Submission) (previewed, error) {
	p, err := s.jobs.Preview(ctx, tenantOf(ctx), submission)
	if err != nil {
		return previewed{}, err
	}
	preview := *p
	preview.Job = new(shown(ctx, p.Job))
	return previewed(preview), nil
}

// previewed is the answer to a dry run.
type previewed tasks.Preview

// VisitSubmitJobResponse writes the preview.
func (p previewed) VisitSubmitJobResponse(w http.ResponseWriter) error {
	w.Header().Set("Vary", varyPrefer)
	return p.VisitPlanJobResponse(w)
}

// VisitPlanJobResponse writes the preview.
func (p previewed) VisitPlanJobResponse(w http.ResponseWriter) error {
	body, err := json.Marshal(tasks.Preview(p))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", contract.MediaJSON)
	w.WriteHeader(http.StatusOK)
	_, err = w.Write(append(body, '\n'))
	return err
}
