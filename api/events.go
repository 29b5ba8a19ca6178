package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

// StreamJobEvents streams a job's events to a caller that has those up to a sequence
// number.
func (s *server) StreamJobEvents(ctx context.Context, request spec.StreamJobEventsRequestObject) (spec.StreamJobEventsResponseObject, error) {
	after, err := resumePoint(request.Params)
	if err != nil {
		return nil, err
	}
	job, err := jobReader{s, "streamJobEvents"}.job(ctx, request.Params.Tenant, request.ID)
	if err != nil {
		return nil, err
	}
	if job.State.Terminal() && after >= job.Sequence {
		return spec.StreamJobEvents204Response{}, nil
	}
	id, tenant := request.ID, job.Tenant // not the job, which would stay in memory as long
	return streamResponse(func(w http.ResponseWriter) error {
		leave, err := s.acquireSlot(ctx, s.metrics.streams)
		if err != nil {
			return err
		}
		httpx.Detach(ctx, w, func(w http.ResponseWriter) {
			defer leave()
			defer s.abort(ctx, id)
			s.stream(ctx, w, tenant, id, after)
		})
		return nil
	}), nil
}

// streamResponse writes a response that takes long. The generated one reads from an
// io.Reader, and could neither set deadlines nor send heartbeats.
type streamResponse func(http.ResponseWriter) error

// VisitStreamJobEventsResponse makes streamResponse a response of the operation.
func (f streamResponse) VisitStreamJobEventsResponse(w http.ResponseWriter) error { return f(w) }

// resumePoint returns the sequence number of the last event that the caller has. A
// browser that reconnects repeats the URL with its old starting_after, so the header
// takes precedence.
func resumePoint(p spec.StreamJobEventsParams) (int64, error) {
	name, value := "Last-Event-ID", p.LastEventID
	if value == "" {
		name, value = "starting_after", p.StartingAfter
	}
	if value == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return 0, tasks.Errorf(tasks.CodeInvalid, "%s must be the id of an event of this job, a whole number from 0.", name)
	}
	return n, nil
}
