package api

import (
	"cmp"
	"context"
	"net/http"

	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

// RerunJob makes a new job of one that has ended.
func (s *server) RerunJob(ctx context.Context, request spec.RerunJobRequestObject) (spec.RerunJobResponseObject, error) {
	if err := checkID(request.ID); err != nil {
		return nil, err
	}
	job, replayed, err := s.jobs.Rerun(ctx, tenantOf(ctx), request.ID)
	if err != nil {
		return nil, err
	}
	var replay *string
	if replayed {
		replay = new("true")
	}
	return spec.RerunJob202JSONResponse{
		Body: shown(ctx, job),
		Headers: spec.RerunJob202ResponseHeaders{
			ETag: etag(job), IdempotentReplayed: replay, Location: location(job), RetryAfter: retryAfter(job),
		},
	}, nil
}

// defaultReruns is how many jobs are run again at once, unless the caller says
// otherwise; the contract names it.
const defaultReruns = 100

// RerunJobs makes new jobs of those that a filter chooses, a bounded number of
// them.
func (s *server) RerunJobs(ctx context.Context, request spec.RerunJobsRequestObject) (spec.RerunJobsResponseObject, error) {
	filter := rerunFilter(&request.Body.Filter)
	if cursor := request.Body.Cursor; cursor != "" {
		var err error
		if filter.Before, err = decodeCursor(cursor, filter); err != nil {
			return nil, err
		}
	}
	result := spec.RerunJobs200JSONResponse{Outcomes: []spec.BatchOutcome{}}
	for left := cmp.Or(request.Body.Limit, defaultReruns); left > 0; {
		filter.Limit = min(left, pageMost)
		page, err := s.jobs.List(ctx, tenantOf(ctx), filter)
		if err != nil {
			return nil, err
		}
		for _, j := range page.Jobs {
			o := s.rerunOne(ctx, j.ID)
			result.Outcomes = append(result.Outcomes, o)
			if o.Job != nil {
				result.Accepted++
			} else {
				result.Refused++
			}
		}
		left -= len(page.Jobs)
		result.HasMore = page.Next != ""
		if !result.HasMore {
			break
		}
		filter.Before, result.NextCursor = page.Next, encodeCursor(page.Next, filter)
		if len(page.Jobs) == 0 || ctx.Err() != nil {
			break // the caller goes on from here
		}
	}
	if !result.HasMore {
		result.NextCursor = ""
	}
	return result, nil
}

// pageMost is the largest page of a list.
const pageMost = 100

// rerunOne runs one of several jobs again.
func (s *server) rerunOne(ctx context.Context, id string) batchOutcome {
	job, replayed, err := s.jobs.Rerun(ctx, tenantOf(ctx), id)
	if err != nil {
		return s.refused(ctx, "/jobs/"+id+"/rerun", err)
	}
	j := shown(ctx, job)
	return batchOutcome{Status: http.StatusAccepted, Replayed: replayed, Job: &j}
}

// rerunFilter reads what a caller wants run again: jobs that have ended.
func rerunFilter(f *spec.RerunFilter) tasks.JobFilter {
	filter := tasks.JobFilter{
		States: f.State, Agent: f.Agent, CreatedAfter: f.CreatedAfter, CreatedBefore: f.CreatedBefore, Metadata: f.Metadata,
		Degraded: f.Degraded, AnsweredBy: f.AnsweredBy, Lane: f.Lane, Model: f.Model,
	}
	if len(filter.States) == 0 {
		filter.States = []tasks.State{tasks.Succeeded, tasks.Failed, tasks.Canceled}
	}
	return filter
}
