package api

import (
	"context"
	"fmt"
	"time"

	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

// varyPrefer declares to caches that a response depends on the header Prefer.
const varyPrefer = "Prefer"

// GetJob shows a job, now or when it has ended.
func (s *server) GetJob(ctx context.Context, request spec.GetJobRequestObject) (spec.GetJobResponseObject, error) {
	job, err := jobReader{s, "getJob"}.job(ctx, request.Params.Tenant, request.ID)
	if err != nil {
		return nil, err
	}
	prefers := httpx.ParsePrefer(request.Params.Prefer, s.cfg.MaxWait)
	prefers.Async = false // nothing happens in the background here
	job, waited := s.await(ctx, job, prefers.Wait)

	headers := spec.GetJob200ResponseHeaders{
		ETag:              etag(job),
		PreferenceApplied: prefers.Applied(waited),
		Vary:              varyPrefer,
	}
	if !job.State.Terminal() {
		headers.RetryAfter = new(retryAfter(job))
	}
	if httpx.Matches(request.Params.IfNoneMatch, headers.ETag) {
		return spec.GetJob304Response{Headers: spec.GetJob304ResponseHeaders(headers)}, nil
	}
	return spec.GetJob200JSONResponse{Body: shown(ctx, job), Headers: headers}, nil
}

// CancelJob cancels a job.
func (s *server) CancelJob(ctx context.Context, request spec.CancelJobRequestObject) (spec.CancelJobResponseObject, error) {
	if err := checkID(request.ID); err != nil {
		return nil, err
	}
	job, err := s.jobs.Cancel(ctx, tenantOf(ctx), request.ID)
	if err != nil {
		return nil, err
	}
	return spec.CancelJob200JSONResponse{
		Body:    shown(ctx, job),
		Headers: spec.CancelJob200ResponseHeaders{ETag: etag(job)},
	}, nil
}

// RetryJob starts a new run of a job.
func (s *server) RetryJob(ctx context.Context, request spec.RetryJobRequestObject) (spec.RetryJobResponseObject, error) {
	if err := checkID(request.ID); err != nil {
		return nil, err
	}
	job, err := s.jobs.Retry(ctx, tenantOf(ctx), request.ID)
	if err != nil {
		return nil, err
	}
	return spec.RetryJob202JSONResponse{
		Body: shown(ctx, job),
		Headers: spec.RetryJob202ResponseHeaders{
			ETag:       etag(job),
			Location:   location(job),
			RetryAfter: retryAfter(job),
		},
	}, nil
}

// checkID refuses an ID that no job can have, without asking the store.
func checkID(id string) error {
	if err := tasks.CheckID(id); err != nil {
		return tasks.Errorf(tasks.CodeNotFound, "There is no such job; the ID of a job is job_ and 32 hex digits.").WithCause(err)
	}
	return nil
}

// shown returns the job as the caller may see it, with the lists that the contract
// promises even when they are empty.
func shown(ctx context.Context, job *tasks.Job) tasks.Job {
	if !isOperator(ctx) {
		job = job.Public()
	}
	j := *job
	if j.Lanes == nil {
		j.Lanes = []tasks.Lane{}
	}
	if j.Attempts == nil {
		j.Attempts = []tasks.Attempt{}
	}
	return j
}

func location(job *tasks.Job) string { return "/jobs/" + job.ID }

// etag returns the job's version as an entity tag. It includes the position in a
// queue, but not the expected times, which change with every request; so the tag is
// weak then.
func etag(job *tasks.Job) string {
	if w := job.Waiting; w != nil && w.Position > 0 {
		return fmt.Sprintf(`W/"%d-%s-%d"`, job.Sequence, w.Queue, w.Position)
	}
	if job.Cost > 0 { // which may still grow after the job has ended
		return fmt.Sprintf(`"%d-%d"`, job.Sequence, int64(job.Cost))
	}
	return fmt.Sprintf(`"%d"`, job.Sequence)
}

// The bounds of Retry-After, in seconds.
const (
	soonest         = 1
	latest          = 15
	latestScheduled = 3600 // of a job that does not run yet
)

// retryAfter returns after how many seconds an open job is worth reading again: a
// quarter of the time until its target, so that polls are rare at first and frequent
// when the answer is near. A scheduled job can wait for its time, and one that the
// scorecard answers has ended before anybody can ask.
func retryAfter(job *tasks.Job) int {
	if job.State == tasks.Queued && job.Plan != nil && job.Plan.Reason == tasks.PlanLastResort {
		return soonest
	}
	left, most := time.Until(job.TargetAt)/4, latest
	if job.State == tasks.Scheduled {
		left, most = time.Until(job.RunAt), latestScheduled
	}
	return min(max(int(left/time.Second), soonest), most)
}
