package webhook

import (
	"net/http"
	"strings"
	"testing"

	"github.com/topcentral/spillway/tasks"
)

func TestEachTryIsASpanOfTheJobsTrace(t *testing.T) {
	job, notice := endedJob("")
	job.Trace = tasks.TakeUpTrace(http.Header{
		tasks.HeaderTraceParent: {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, tasks.HeaderTraceState: {"congo=t61rcWkgMzE"},
	})
	got := make(chan http.Header, 2)
	job.CallbackURL = receiver(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header })
	h := NewHandler(jobs{job: job}, nobody{}, &notices{}, newSender(t), quiet)
	spans := map[string]bool{job.Trace.Parent: true}
	for range 2 {
		if err := h.Handle(t.Context(), notice); err != nil {
			t.Fatal(err)
		}
		header := <-got
		parent := header.Get("traceparent")
		if !strings.HasPrefix(parent, "00-4bf92f3577b34da6a3ce929d0e0e4736-") || !strings.HasSuffix(parent, "-01") || spans[parent] {
			t.Errorf("traceparent: got %q, want a span of its own", parent)
		}
		if state := header.Values("tracestate"); len(state) > 0 {
			t.Errorf("tracestate: got %q, want none", state)
		}
		spans[parent] = true
	}
}

func TestAJobWithoutATraceHasWebhooksWithout(t *testing.T) {
	job, notice := endedJob("")
	job.CallbackURL = receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		if parent, there := r.Header[tasks.HeaderTraceParent]; there {
			t.Errorf("traceparent: got %q, want none", parent)
		}
	})
	if err := NewHandler(jobs{job: job}, nobody{}, &notices{}, newSender(t), quiet).Handle(t.Context(), notice); err != nil {
		t.Error(err)
	}
}
