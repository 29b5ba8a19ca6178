package api

import (
	"context"

	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

// GetJobResult shows a job's result alone, now or when the job has ended.
func (s *server) GetJobResult(ctx context.Context, request spec.GetJobResultRequestObject) (spec.GetJobResultResponseObject, error) {
	job, err := jobReader{s, "getJobResult"}.job(ctx, request.Params.Tenant, request.ID)
	if err != nil {
		return nil, err
	}
	prefers := httpx.ParsePrefer(request.Params.Prefer, s.cfg.MaxWait)
	prefers.Async = false // nothing happens in the background here
	job, waited := s.await(ctx, job, prefers.Wait)
	if job.State != tasks.Succeeded {
		return nil, noResult(job)
	}
	headers := spec.GetJobResult200ResponseHeaders{ETag: etag(job), PreferenceApplied: prefers.Applied(waited), Vary: varyPrefer}
	if httpx.Matches(request.Params.IfNoneMatch, headers.ETag) {
		return spec.GetJobResult304Response{Headers: spec.GetJobResult304ResponseHeaders(headers)}, nil
	}
	return spec.GetJobResult200JSONResponse{Body: job.Result, Headers: headers}, nil
}

// noResult returns the error for a job without a result.
func noResult(job *tasks.Job) error {
	if job.State.Terminal() {
		return tasks.Errorf(tasks.CodeConflict, "The job has %s and has no result; see GET %s.", job.State, location(job))
	}
	return tasks.Errorf(tasks.CodeConflict, "The job is %s and has no result yet; try again later, or with Prefer: wait.", job.State)
}
