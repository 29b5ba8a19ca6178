package dispatch

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/equal"
)

// traced returns a context for the request that a traceparent and a tracestate
// came with, and its trace.
func traced(t *testing.T, span string) (context.Context, tasks.Trace) {
	t.Helper()
	trace := tasks.TakeUpTrace(http.Header{
		tasks.HeaderTraceParent: {"00-4bf92f3577b34da6a3ce929d0e0e4736-" + span + "-01"}, tasks.HeaderTraceState: {"congo=t61rcWkgMzE"},
	})
	return tasks.WithTrace(t.Context(), trace), trace
}

func TestAJobAndItsTicketsKeepTheTrace(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := newSystem(t, rdb, rdb, anyURL)
		s.beat(t, tasks.Local, tasks.Cloud, tasks.Scorecard)
		ctx, trace := traced(t, "00f067aa0ba902b7")
		sub := valid(open)
		j, _, err := s.Submit(ctx, "acme", &sub)
		if err != nil {
			t.Fatalf("submit: %v", err)
		}
		kept, err := s.store.Job(t.Context(), "acme", j.ID)
		if err != nil || kept.Trace != trace || kept.TraceID != trace.ID() || j.TraceID != trace.ID() {
			t.Errorf("job: made with trace %q, kept with %+v, %v; want %+v", j.TraceID, kept.Trace, err, trace)
		}
		if err := s.IssueOn(t.Context(), j, tasks.Cloud, j.SpillAt); err != nil {
			t.Fatal(err)
		}
		in := asynq.NewInspectorFromRedisClient(rdb)
		now, err := in.ListPendingTasks("local.medium")
		if err != nil {
			t.Fatal(err)
		}
		later, err := in.ListScheduledTasks("cloud.medium")
		if err != nil {
			t.Fatal(err)
		}
		if len(now) != 1 || len(later) != 1 {
			t.Fatalf("tickets: got %d and %d, want one on each lane", len(now), len(later))
		}
		for _, ticket := range append(now, later...) {
			if h := ticket.Headers; h["traceparent"] != trace.Parent || h["tracestate"] != trace.State || len(h) != 2 {
				t.Errorf("ticket in %s: got headers %v, want those of %+v", ticket.Queue, h, trace)
			}
		}
	})
}

func TestATraceMakesNoRequestAnotherOne(t *testing.T) {
	s := newSystem(t, redistest.Embedded(t), redistest.Embedded(t), anyURL)
	first, trace := traced(t, "00f067aa0ba902b7")
	again, _ := traced(t, "b7ad6b7169203331")
	sub := valid(open)
	sub.IdempotencyKey = "row 7"
	j, _, err := s.Submit(first, "acme", &sub)
	if err != nil {
		t.Fatalf("submit: %v", err)
	}
	for name, ctx := range map[string]context.Context{"another span": again, "no trace": t.Context()} {
		got, replayed, err := s.Submit(ctx, "acme", &sub)
		if err != nil || !replayed || got.ID != j.ID || got.Trace != trace {
			t.Errorf("%s: got %+v, replayed %v, %v; want job %s with the trace that made it", name, got, replayed, err, j.ID)
		}
	}
}

func TestATraceMakesNoJobUnequal(t *testing.T) {
	input := json.RawMessage(`{"kind":"good"}`)
	s := newSystem(t, redistest.Embedded(t), redistest.Embedded(t), anyURL)
	sub := valid(open)
	j, err := s.draft("acme", read(&sub), time.Now())
	if err != nil {
		t.Fatalf("draft: %v", err)
	}
	without, err := equal.Digest(j, input)
	if err != nil {
		t.Fatalf("digest: %v", err)
	}
	_, j.Trace = traced(t, "00f067aa0ba902b7")
	j.TraceID = j.Trace.ID()
	if with, err := equal.Digest(j, input); err != nil || with != without {
		t.Errorf("digest: got %q with a trace, %v, and %q without", with, err, without)
	}
}
