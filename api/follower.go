package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

// stream writes the job's events to w until the last one, which need not be the
// first that ends a run, the end of ctx or of the service, or a caller too slow
// or gone.
//
// It only waits; what needs more stack is done aside.
func (s *server) stream(ctx context.Context, w http.ResponseWriter, tenant, id string, after int64) {
	ctx, cancel := s.until(ctx)
	defer cancel()
	wake, leave := s.events.OnEvent(id)
	defer leave()
	beat := time.NewTicker(s.cfg.Heartbeat)
	defer beat.Stop()
	f := &follower{server: s, tenant: tenant, id: id, after: after, whole: isOperator(ctx)}
	httpx.OnOwnStack(func() { f.open(w) })
	defer f.out.Close()
	for !f.over {
		select {
		case <-ctx.Done():
			return
		case <-wake:
			httpx.OnOwnStack(func() { f.tell(ctx) })
		case <-beat.C:
			httpx.OnOwnStack(func() { f.beat(ctx) })
		}
	}
}

// eventsPerRead is how many events of a log are held at once.
const eventsPerRead = 256

// follower is a caller that follows a job.
type follower struct {
	server *server
	out    *httpx.EventWriter
	tenant string // whose job it is
	id     string
	after  int64 // the last event that was told
	over   bool  // nothing more is to be told
	whole  bool  // the caller sees all that an event holds
}

// open begins the response.
func (f *follower) open(w http.ResponseWriter) {
	f.out = httpx.NewEventWriter(w, f.server.cfg.WriteTimeout)
	f.over = f.out.Open() != nil
}

// tell writes the events that there are.
func (f *follower) tell(ctx context.Context) {
	for !f.over {
		events, over, err := f.server.events.Since(ctx, f.id, f.after, eventsPerRead)
		for i := 0; i < len(events) && err == nil; i++ {
			err = f.event(ctx, events[i])
		}
		if err != nil {
			f.fail(ctx, err)
			return
		}
		f.over = over
		if len(events) < eventsPerRead {
			return
		}
	}
}

// event writes an event, and before it what stands for those that are not kept.
// A caller who takes its time is told nothing more once ctx has ended.
func (f *follower) event(ctx context.Context, event tasks.Event) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if event.Sequence > f.after+1 {
		snapshot, err := f.server.snapshot(ctx, f.tenant, f.id, event)
		if err == nil {
			err = f.out.Event(snapshot)
		}
		if err != nil {
			return err
		}
	}
	f.after = event.Sequence
	if !f.whole {
		event = event.Public()
	}
	return f.out.Event(event)
}

// fail ends the stream, and the caller resumes where it is. Only while the store
// is away does the stream wait: it is woken when that is back.
func (f *follower) fail(ctx context.Context, err error) {
	gone := ctx.Err() != nil || errors.Is(err, httpx.ErrSlowReader)
	if !gone && httpx.Describe(err).Code == tasks.CodeUnavailable {
		return
	}
	f.over = true
	if !gone {
		f.server.cfg.Log.WarnContext(ctx, "event stream broke off", slog.String("job_id", f.id), slog.Any("error", err))
	}
}

// beat lets the caller, and what is between, know that the stream goes on, and
// makes up for a wake-up that was lost. A caller that takes no heartbeat takes
// no events.
func (f *follower) beat(ctx context.Context) {
	f.over = f.out.Comment("still here") != nil
	f.tell(ctx)
}

// abort logs a panic that broke a stream off, and drops its connection: to end the
// response would call it whole.
func (s *server) abort(ctx context.Context, id string) {
	p := recover()
	if p == nil {
		return
	}
	if p != http.ErrAbortHandler { //nolint:errorlint // net/http compares it, too
		s.cfg.Log.ErrorContext(ctx, "event stream failed",
			slog.String("request_id", httpx.RequestID(ctx)), slog.String("trace_id", tasks.TraceOf(ctx).ID()),
			slog.String("job_id", id), slog.Any("error", httpx.PanicError(p)))
	}
	panic(http.ErrAbortHandler)
}

// snapshot stands for the events before next, which are not kept: a log has a
// bounded length, and a long answer comes in many pieces. It tells where the job
// is now.
func (s *server) snapshot(ctx context.Context, tenant, id string, next tasks.Event) (tasks.Event, error) {
	job, err := s.jobs.Job(ctx, tenant, id)
	if err != nil {
		return tasks.Event{}, err
	}
	data, err := json.Marshal(map[string]tasks.Job{"job": shown(ctx, job)})
	return tasks.Event{
		Sequence: next.Sequence - 1, Type: tasks.EventSnapshot, JobID: id, Attempt: next.Attempt, At: next.At, Data: data,
	}, err
}
