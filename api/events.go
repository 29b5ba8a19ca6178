package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

// StreamJobEvents streams a job's events to a caller that knows those up to a
// sequence number.
func (s *server) StreamJobEvents(ctx context.Context, request spec.StreamJobEventsRequestObject) (spec.StreamJobEventsResponseObject, error) {
	after, err := resumePoint(request.Params)
	if err != nil {
		return nil, err
	}
	job, err := s.job(ctx, request.ID)
	if err != nil {
		return nil, err
	}
	if job.State.Terminal() && after >= job.Sequence {
		return spec.StreamJobEvents204Response{}, nil
	}
	id := request.ID // not the job, which would be held as long
	return streamResponse(func(w http.ResponseWriter) error {
		return s.stream(ctx, w, id, after)
	}), nil
}

// streamResponse writes a response that takes its time. The generated one reads
// from an io.Reader, and could set no deadlines and send no heartbeats.
type streamResponse func(http.ResponseWriter) error

// VisitStreamJobEventsResponse makes streamResponse a response of the operation.
func (f streamResponse) VisitStreamJobEventsResponse(w http.ResponseWriter) error { return f(w) }

// resumePoint returns the sequence number of the last event the caller has. A
// reconnecting browser repeats the URL with its old starting_after, so the
// header counts first.
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

// stream writes the job's events to w until the last one, which need not be the
// first that ends a run, the end of ctx or of the service, or a caller too slow
// or gone. An error means that nothing was written yet.
//
// It writes from a goroutine of its own, and only waits for that: thousands of
// streams are open at once, and the stack below a handler is deep. While this
// one holds next to nothing, the runtime halves it.
func (s *server) stream(ctx context.Context, w http.ResponseWriter, id string, after int64) error {
	leave, ok := s.slots.enter()
	if !ok {
		return tasks.Errorf(tasks.CodeUnavailable, "Too many event streams are open; try again, or poll.")
	}
	defer leave()
	done := make(chan any)
	go func() {
		defer func() { done <- recover() }()
		s.write(ctx, w, id, after)
	}()
	if p := <-done; p != nil {
		panic(p)
	}
	return nil
}

// write is the writing of stream.
func (s *server) write(ctx context.Context, w http.ResponseWriter, id string, after int64) {
	ctx, cancel := s.until(ctx)
	out := openEventWriter(w, s.cfg.WriteTimeout)
	// A caller that takes no heartbeat takes no events.
	still := out.beat(s.cfg.Heartbeat, cancel)
	defer func() {
		cancel()
		still()
		out.close()
	}()
	for event, err := range s.events.Watch(ctx, id, after) {
		if err != nil {
			if ctx.Err() == nil {
				s.cfg.Log.WarnContext(ctx, "event stream broke off", slog.String("job_id", id), slog.Any("error", err))
			}
			return // the caller resumes where it is
		}
		if event.Sequence > after+1 {
			snapshot, err := s.snapshot(ctx, id, event)
			if err != nil || out.event(snapshot) != nil {
				return // the caller resumes before the gap
			}
		}
		if out.event(event) != nil {
			return
		}
		after = event.Sequence
	}
}

// snapshot stands for the events before next, which are not kept: a log has a
// bounded length, and a long answer comes in many pieces. It tells where the job
// is now.
func (s *server) snapshot(ctx context.Context, id string, next tasks.Event) (tasks.Event, error) {
	job, err := s.jobs.Job(ctx, tenantOf(ctx), id)
	if err != nil {
		return tasks.Event{}, err
	}
	data, err := json.Marshal(map[string]tasks.Job{"job": shown(job)})
	return tasks.Event{
		Sequence: next.Sequence - 1, Type: tasks.EventSnapshot, JobID: id, Attempt: next.Attempt, At: next.At, Data: data,
	}, err
}
