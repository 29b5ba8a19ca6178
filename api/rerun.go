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
	tenant, err := changedTenant(ctx, request.Params.Tenant)
	if err != nil {
		return nil, err
	}
	job, replayed, err := s.jobs.Rerun(ctx, tenant, request.ID)
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

// defaultReruns is how many jobs are run again at once by default; the contract
// states it.
const defaultReruns = 100

// RerunJobs makes new jobs of a bounded number of those that match a filter. Each
// counts as a request in the caller's rate; when that is used up, the caller continues
// later from the cursor.
func (s *server) RerunJobs(ctx context.Context, request spec.RerunJobsRequestObject) (spec.RerunJobsResponseObject, error) {
	tenant, err := changedTenant(ctx, request.Params.Tenant)
	if err != nil {
		return nil, err
	}
	filter := rerunFilter(&request.Body.Filter)
	if cursor := request.Body.Cursor; cursor != "" {
		if filter.Before, err = decodeCursor(cursor, filter); err != nil {
			return nil, err
		}
	}
	r := reruns{server: s, tenant: tenant, filter: filter, left: cmp.Or(int(request.Body.Limit), defaultReruns)}
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	return r.result(), nil
}

// reruns iterates over jobs and runs them again.
type reruns struct {
	*server
	tenant   string
	filter   tasks.JobFilter // Before moves on
	left     int             // how many more may be run
	more     bool            // there may be more such jobs
	outcomes []batchOutcome
}

// run iterates until the bound, the end of the list or of the caller's rate. The
// latter is an error only if nothing was done.
func (r *reruns) run(ctx context.Context) error {
	for r.more = true; r.more && r.left > 0 && ctx.Err() == nil; {
		r.filter.Limit = min(r.left, pageMost)
		page, err := r.jobs.List(ctx, r.tenant, r.filter)
		if err != nil {
			return r.unlessDone(err)
		}
		for _, j := range page.Jobs {
			if len(r.outcomes) > 0 { // the request itself has paid for the first
				if err := r.cfg.Guard.Spend(ctx); err != nil {
					return r.unlessDone(err)
				}
			}
			r.outcomes = append(r.outcomes, r.rerunOne(ctx, r.tenant, j.ID))
			r.filter.Before = j.ID
			r.left--
		}
		if r.more = page.Next != ""; r.more {
			r.filter.Before = page.Next
		}
		if len(page.Jobs) == 0 {
			break // a part of the list was read; the caller continues from here
		}
	}
	return nil
}

func (r *reruns) unlessDone(err error) error {
	if len(r.outcomes) > 0 {
		return nil
	}
	return err
}

func (r *reruns) result() spec.RerunJobs200JSONResponse {
	result := spec.RerunJobs200JSONResponse{Outcomes: []spec.BatchOutcome{}, HasMore: r.more}
	for _, o := range r.outcomes {
		result.Outcomes = append(result.Outcomes, o)
		if o.Job != nil {
			result.Accepted++
		} else {
			result.Refused++
		}
	}
	if r.more {
		result.NextCursor = encodeCursor(r.filter.Before, r.filter)
	}
	return result
}

// pageMost is the size of the largest page of a list.
const pageMost = 100

// rerunOne runs one of several jobs again.
func (s *server) rerunOne(ctx context.Context, tenant, id string) batchOutcome {
	job, replayed, err := s.jobs.Rerun(ctx, tenant, id)
	if err != nil {
		return s.refused(ctx, "/jobs/"+id+"/rerun", err)
	}
	j := shown(ctx, job)
	return batchOutcome{Status: http.StatusAccepted, Replayed: replayed, Job: &j}
}

// rerunFilter returns the filter of a rerun, which matches only jobs that have ended.
func rerunFilter(f *spec.RerunFilter) tasks.JobFilter {
	filter := tasks.JobFilter{
		States: f.State, Agent: f.Agent, CreatedAfter: f.CreatedAfter.Time, CreatedBefore: f.CreatedBefore.Time, Metadata: f.Metadata,
		Degraded: f.Degraded, AnsweredBy: f.AnsweredBy, Lane: f.Lane, Model: f.Model,
	}
	if len(filter.States) == 0 {
		filter.States = []tasks.State{tasks.Succeeded, tasks.Failed, tasks.Canceled}
	}
	return filter
}
