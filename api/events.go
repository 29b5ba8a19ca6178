package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"time"

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
		leave, ok := s.slots.enter()
		if !ok {
			return tasks.Errorf(tasks.CodeUnavailable, "Too many event streams are open; try again, or poll.")
		}
		later(ctx, w, func(w http.ResponseWriter) {
			defer leave()
			s.stream(ctx, w, id, after)
		})
		return nil
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
// or gone.
//
// It only waits; what needs more stack is done aside.
func (s *server) stream(ctx context.Context, w http.ResponseWriter, id string, after int64) {
	ctx, cancel := s.until(ctx)
	defer cancel()
	wake, leave := s.events.OnEvent(id)
	defer leave()
	beat := time.NewTicker(s.cfg.Heartbeat)
	defer beat.Stop()
	f := &follower{server: s, id: id, after: after}
	aside(func() { f.open(w) })
	defer f.out.close()
	for !f.over {
		select {
		case <-ctx.Done():
			return
		case <-wake:
			aside(func() { f.tell(ctx) })
		case <-beat.C:
			aside(func() { f.beat(ctx) })
		}
	}
}

// eventsPerRead is how many events of a log are held at once.
const eventsPerRead = 256

// follower is a caller that follows a job.
type follower struct {
	server *server
	out    *eventWriter
	id     string
	after  int64 // the last event that was told
	over   bool  // nothing more is to be told
}

// open begins the response.
func (f *follower) open(w http.ResponseWriter) {
	f.out = newEventWriter(w, f.server.cfg.WriteTimeout)
	f.over = f.out.open() != nil
}

// tell writes the events that there are.
func (f *follower) tell(ctx context.Context) {
	for !f.over {
		events, over, err := f.server.events.Since(ctx, f.id, f.after, eventsPerRead)
		if err != nil {
			if ctx.Err() == nil {
				f.server.cfg.Log.WarnContext(ctx, "event stream broke off", slog.String("job_id", f.id), slog.Any("error", err))
			}
			f.over = true
			return
		}
		f.over = over
		for _, event := range events {
			if err := f.event(ctx, event); err != nil {
				f.over = true // the caller resumes where it is
				return
			}
		}
		if len(events) < eventsPerRead {
			return
		}
	}
}

// event writes an event, and before it what stands for those that are not kept.
func (f *follower) event(ctx context.Context, event tasks.Event) error {
	if event.Sequence > f.after+1 {
		snapshot, err := f.server.snapshot(ctx, f.id, event)
		if err == nil {
			err = f.out.event(snapshot)
		}
		if err != nil {
			return err
		}
	}
	f.after = event.Sequence
	return f.out.event(event)
}

// beat lets the caller, and what is between, know that the stream goes on, and
// makes up for a wake-up that was lost. A caller that takes no heartbeat takes
// no events.
func (f *follower) beat(ctx context.Context) {
	f.over = f.out.comment("still here") != nil
	f.tell(ctx)
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
