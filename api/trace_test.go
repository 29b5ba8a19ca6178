package api

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/topcentral/spillway/tasks"
)

const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"

// Whatever a traceparent is like, every answer names a trace, as the contract
// wants it: newAPI checks that.
func TestTraceOfARequest(t *testing.T) {
	const good = "00-" + traceID + "-00f067aa0ba902b7-01"
	h := newAPI(t, Config{}, newMemory().deps())
	for _, c := range []struct {
		name    string
		headers []string
		kept    bool
	}{
		{"good", []string{"traceparent", good}, true},
		{"with a state", []string{"traceparent", good, "tracestate", "a=1", "tracestate", "b=2"}, true},
		{"with a malformed state", []string{"traceparent", good, "tracestate", "\x80,,=="}, true},
		{"none", nil, false},
		{"a state alone", []string{"tracestate", "a=1"}, false},
		{"malformed", []string{"traceparent", "00-" + traceID + "-0-0"}, false},
		{"two", []string{"traceparent", good, "traceparent", good}, false},
		{"not UTF-8", []string{"traceparent", "\xff"}, false},
	} {
		for _, target := range []string{"/agents", "/nowhere"} {
			t.Run(c.name+" at "+target, func(t *testing.T) {
				w := do(t, h, "GET", target, "", c.headers...)
				got := w.Header().Get("traceparent")
				if w.Code == http.StatusBadRequest || strings.Contains(got, traceID) != c.kept || got == good || len(got) != len(good) {
					t.Errorf("got %d, %q", w.Code, got)
				}
			})
		}
	}
}

func TestLogLinesOfARequestNameTheTrace(t *testing.T) {
	var log bytes.Buffer
	m := newMemory()
	m.broken = errors.New("hunter2")
	h := newAPI(t, Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, m.deps())
	parent := "00-" + traceID + "-00f067aa0ba902b7-01"
	for target, body := range map[string]string{"/jobs": submission, "/jobs/batch": `{"jobs":[` + submission + `]}`} {
		log.Reset()
		do(t, h, "POST", target, body, "traceparent", parent)
		if got := log.String(); !strings.Contains(got, "trace_id="+traceID) || !strings.Contains(got, "request_id=req_") {
			t.Errorf("%s: got log %q, want the trace beside the request", target, got)
		}
	}
}

// The trace reaches who makes the jobs, also from a batch, which makes them side
// by side.
func TestTraceReachesTheJobs(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	parent := "00-" + traceID + "-00f067aa0ba902b7-01"
	one := decode[tasks.Job](t, do(t, h, "POST", "/jobs", submission, "traceparent", parent))
	do(t, h, "POST", "/jobs/batch", `{"jobs":[`+submission+`,`+submission+`]}`, "traceparent", parent)
	if got := decode[tasks.Job](t, do(t, h, "GET", "/jobs/"+one.ID, "")); got.TraceID != traceID {
		t.Errorf("job: got trace %q, want %s", got.TraceID, traceID)
	}
	for id, job := range m.jobs {
		if job.TraceID != traceID {
			t.Errorf("job %s: got trace %q, want %s", id, job.TraceID, traceID)
		}
	}
	if len(m.jobs) != 3 {
		t.Errorf("jobs: got %d, want 3", len(m.jobs))
	}
}
