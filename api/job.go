package api

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

// varyPrefer tells caches that a response depends on what was preferred.
const varyPrefer = "Prefer"

// GetJob shows a job, now or when it has ended.
func (s *server) GetJob(ctx context.Context, request spec.GetJobRequestObject) (spec.GetJobResponseObject, error) {
	job, err := s.job(ctx, request.ID)
	if err != nil {
		return nil, err
	}
	prefers := parsePrefer(request.Params.Prefer, s.cfg.MaxWait)
	prefers.async = false // there is nothing here to do in the background
	job, waited := s.await(ctx, job, prefers.wait)

	headers := spec.GetJob200ResponseHeaders{
		ETag:              etag(job),
		PreferenceApplied: prefers.applied(waited),
		Vary:              varyPrefer,
	}
	if !job.State.Terminal() {
		headers.RetryAfter = new(retryAfter(job))
	}
	if matches(request.Params.IfNoneMatch, headers.ETag) {
		return spec.GetJob304Response{Headers: spec.GetJob304ResponseHeaders(headers)}, nil
	}
	return spec.GetJob200JSONResponse{Body: shown(job), Headers: headers}, nil
}

// CancelJob ends a job.
func (s *server) CancelJob(ctx context.Context, request spec.CancelJobRequestObject) (spec.CancelJobResponseObject, error) {
	if err := checkID(request.ID); err != nil {
		return nil, err
	}
	job, err := s.jobs.Cancel(ctx, tenantOf(ctx), request.ID)
	if err != nil {
		return nil, err
	}
	return spec.CancelJob200JSONResponse{
		Body:    shown(job),
		Headers: spec.CancelJob200ResponseHeaders{ETag: etag(job)},
	}, nil
}

// job returns the caller's job of that ID.
func (s *server) job(ctx context.Context, id string) (*tasks.Job, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	return s.jobs.Job(ctx, tenantOf(ctx), id)
}

// checkID refuses an ID that no job can have without asking the store.
func checkID(id string) error {
	if err := tasks.CheckID(id); err != nil {
		return tasks.Errorf(tasks.CodeNotFound, "There is no such job; a job's ID is job_ and 32 hex digits.").WithCause(err)
	}
	return nil
}

// shown returns the job as callers see it: lists that the contract promises are
// there even when they are empty.
func shown(job *tasks.Job) tasks.Job {
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

// etag returns the job's version as a strong entity tag.
func etag(job *tasks.Job) string { return `"` + strconv.FormatInt(job.Sequence, 10) + `"` }

// matches reports whether the list of an If-None-Match header names tag. Weak
// tags count (RFC 9110 §13.1.2).
func matches(list, tag string) bool {
	for candidate := range strings.SplitSeq(list, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}

// The bounds of the time, in seconds, after which we ask a caller to come back.
const (
	soonest = 1
	latest  = 15
)

// retryAfter estimates when it is worth asking for an open job again: after a
// quarter of the time it still has, so that a long job is asked for rarely at
// first and often when its answer is near.
func retryAfter(job *tasks.Job) int {
	left := time.Until(job.TargetAt) / 4
	return min(max(int(left/time.Second), soonest), latest)
}
