package api

import (
	"context"
	"encoding/json"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

const (
	// batchFactor is how much longer than one submission a batch may be.
	batchFactor = 16
	// submitBatch is the operation.
	submitBatch = "submitBatch"
	// batchWorkers is how many submissions of a batch are made into jobs at once.
	batchWorkers = 16
)

// batchOutcome is the outcome of one submission of a batch.
type batchOutcome struct {
	Status   int            `json:"status"`
	Replayed bool           `json:"replayed,omitempty"`
	Job      *tasks.Job     `json:"job,omitempty"`
	Problem  *httpx.Problem `json:"problem,omitempty"`
}

// SubmitBatch makes jobs of many submissions, independently of each other.
func (s *server) SubmitBatch(ctx context.Context, request spec.SubmitBatchRequestObject) (spec.SubmitBatchResponseObject, error) {
	outcomes := make([]batchOutcome, len(request.Body.Jobs))
	// The request itself has paid for the first.
	granted, beyond, err := s.cfg.Guard.SpendUpTo(ctx, len(request.Body.Jobs)-1)
	if err != nil {
		return nil, err
	}
	var group errgroup.Group
	group.SetLimit(batchWorkers)
	for i, raw := range request.Body.Jobs {
		if i > granted {
			outcomes[i] = s.refused(ctx, "/jobs/batch", beyond)
			continue
		}
		group.Go(func() error {
			outcomes[i] = s.submitOne(ctx, raw)
			return nil
		})
	}
	_ = group.Wait() // each outcome has its own error
	result := spec.SubmitBatch200JSONResponse{Outcomes: make([]spec.BatchOutcome, len(outcomes))}
	for i, o := range outcomes {
		result.Outcomes[i] = o
		if o.Job != nil {
			result.Accepted++
		} else {
			result.Refused++
		}
	}
	return result, nil
}

// submitOne makes a job of one submission of a batch. It runs on a goroutine of its
// own, where a panic would end the process.
func (s *server) submitOne(ctx context.Context, raw json.RawMessage) (o batchOutcome) {
	defer func() {
		if p := recover(); p != nil {
			o = s.refused(ctx, "/jobs/batch", httpx.PanicError(p))
		}
	}()
	submission, err := s.readSubmission(raw)
	if err != nil {
		return s.refused(ctx, "/jobs/batch", err)
	}
	job, replayed, err := s.jobs.Submit(ctx, tenantOf(ctx), submission)
	if err != nil {
		return s.refused(ctx, "/jobs/batch", err)
	}
	j := shown(ctx, job)
	o = batchOutcome{Status: http.StatusAccepted, Replayed: replayed, Job: &j}
	if j.State.Terminal() {
		o.Status = http.StatusOK
	}
	return o
}

func (s *server) refused(ctx context.Context, path string, err error) batchOutcome {
	p := httpx.Describe(err)
	p.Instance, p.RequestID = path, httpx.RequestID(ctx)
	if p.Status >= http.StatusInternalServerError {
		s.cfg.Log.ErrorContext(ctx, "a submission in a batch failed", "request_id", p.RequestID, "trace_id", tasks.TraceOf(ctx).ID(), "error", err)
	}
	return batchOutcome{Status: p.Status, Problem: &p}
}

// readSubmission checks one submission of a batch as POST /jobs does.
func (s *server) readSubmission(raw json.RawMessage) (*tasks.Submission, error) {
	if int64(len(raw)) > s.cfg.MaxBody {
		return nil, tasks.Errorf(tasks.CodeTooLarge, "A submission must not exceed %d bytes.", s.cfg.MaxBody)
	}
	return s.contract.ReadSubmission(raw)
}
