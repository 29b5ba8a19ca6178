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
// first that ends a run; until ctx or the service ends; or until the caller has gone
// or reads too slowly.
//
// It only waits; what needs more stack runs on a stack of its own.
func (s *server) stream(ctx context.Context, w http.ResponseWriter, tenant, id string, after int64) {
	ctx, cancel := s.until(ctx)
	defer cancel()
	wake, leave := s.events.OnEvent(id)
	defer leave()
	beat := time.NewTicker(s.cfg.Heartbeat)
	defer beat.Stop()
	f := &follower{server: s, tenant: tenant, id: id, after: after, full: isOperator(ctx)}
	httpx.OnOwnStack(func() { f.open(w) })
	defer f.out.Close()
	for !f.done {
		select {
		case <-ctx.Done():
			return
		case <-wake:
			httpx.OnOwnStack(func() { f.send(ctx) })
		case <-beat.C:
			httpx.OnOwnStack(func() { f.heartbeat(ctx) })
		}
	}
}

// eventsPerRead is how many events of a log are in memory at once.
const eventsPerRead = 256

// follower is a caller that follows a job.
type follower struct {
	server *server
	out    *httpx.EventWriter
	tenant string // whose job it is
	id     string
	after  int64 // the last event that was sent
	done   bool  // nothing more is to be sent
	full   bool  // the caller may see everything in an event
}

// open begins the response.
func (f *follower) open(w http.ResponseWriter) {
	f.out = httpx.NewEventWriter(w, f.server.cfg.WriteTimeout)
	f.done = f.out.Open() != nil
}

// send writes the events there are.
func (f *follower) send(ctx context.Context) {
	for !f.done {
		events, over, err := f.server.events.Since(ctx, f.id, f.after, eventsPerRead)
		for i := 0; i < len(events) && err == nil; i++ {
			err = f.event(ctx, events[i])
		}
		if err != nil {
			f.fail(ctx, err)
			return
		}
		f.done = over
		if len(events) < eventsPerRead {
			return
		}
	}
}

// event writes an event, and before it a snapshot in place of those that are no
// longer kept. A slow caller gets nothing more once ctx has ended.
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
	if !f.full {
		event = event.Public()
	}
	return f.out.Event(event)
}

// fail ends the stream, which the caller can resume. Only while the store is
// unavailable does the stream wait: it is woken when the store is back.
func (f *follower) fail(ctx context.Context, err error) {
	gone := ctx.Err() != nil || errors.Is(err, httpx.ErrSlowReader)
	if !gone && httpx.Describe(err).Code == tasks.CodeUnavailable {
		return
	}
	f.done = true
	if !gone {
		f.server.cfg.Log.WarnContext(ctx, "event stream ended early; the caller can resume it", slog.String("job_id", f.id), slog.Any("error", err))
	}
}

// heartbeat shows the caller, and proxies in between, that the stream is alive, and
// makes up for a lost wake-up.
func (f *follower) heartbeat(ctx context.Context) {
	f.done = f.out.Comment("still here") != nil
	f.send(ctx)
}

// abort logs a panic in a stream, and drops its connection: to end the response
// would make it look complete.
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

// snapshot returns an event in place of those before next, which are no longer kept:
// a log is bounded, and a long answer comes in many pieces. It has the job as it is
// now.
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
