package tasks

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/propagation"
)

// Trace is a place in a distributed trace, as W3C Trace Context hands it from one
// service to the next. The zero value is none.
type Trace struct {
	Parent string `json:"traceparent,omitempty"` // version 00: trace ID, span ID, flags
	State  string `json:"tracestate,omitempty"`  // what others on the way have noted, 512 bytes at most
}

// The names of the headers of a trace.
const (
	HeaderTraceParent = "Traceparent"
	HeaderTraceState  = "Tracestate"
)

// maxTraceState bounds what is handed on of a tracestate, in bytes: as much as
// everybody has to (W3C Trace Context §3.3.1.5).
const maxTraceState = 512

// Where the parts of a traceparent of version 00 begin and end.
const (
	traceIDAt, traceIDEnd = 3, 35
	spanIDAt, spanIDEnd   = 36, 52
	traceParentLength     = 55
)

// TakeUpTrace goes on, under a span ID of its own, with the trace that the headers
// of a request name. It begins a trace that is not sampled when they name none, or
// not as W3C Trace Context §3.2 wants: that is not worth an error.
func TakeUpTrace(h http.Header) Trace {
	if t := ReadTrace(h); t.ID() != "" {
		return t.Next()
	}
	return newTrace()
}

// ReadTrace returns the trace that the headers of a request name; the zero Trace when
// they name none, or not as W3C Trace Context §3.2 wants.
func ReadTrace(h http.Header) Trace {
	parents := h.Values(HeaderTraceParent)
	if len(parents) != 1 {
		return Trace{}
	}
	from := propagation.MapCarrier{"traceparent": parents[0]}
	if state := strings.Join(h.Values(HeaderTraceState), ","); len(state) <= maxTraceState {
		from["tracestate"] = state
	}
	// Written anew, so that what is kept is of version 00 and has no unknown flags.
	to := propagation.MapCarrier{}
	var w3c propagation.TraceContext
	w3c.Inject(w3c.Extract(context.Background(), from), to)
	return Trace{Parent: to["traceparent"], State: to["tracestate"]}
}

func newTrace() Trace { return Trace{Parent: "00-" + randomHex(16) + "-" + randomHex(8) + "-00"} }

// Next returns another span of the trace, with a new random ID; of no trace, none.
func (t Trace) Next() Trace {
	if t.ID() == "" {
		return Trace{}
	}
	t.Parent = t.Parent[:spanIDAt] + randomHex(8) + t.Parent[spanIDEnd:]
	return t
}

// ID returns the ID of the trace, 32 hex digits; "" of none.
func (t Trace) ID() string {
	if len(t.Parent) != traceParentLength {
		return ""
	}
	return t.Parent[traceIDAt:traceIDEnd]
}

// Headers returns the trace as headers of a message; nil of none.
func (t Trace) Headers() map[string]string {
	if t.ID() == "" {
		return nil
	}
	h := map[string]string{"traceparent": t.Parent}
	if t.State != "" {
		h["tracestate"] = t.State
	}
	return h
}

// randomHex returns n random bytes in hex. That all of them are zero, which would
// make an invalid ID, does not happen.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

type traceKey struct{}

// WithTrace returns a context for work that belongs to a trace.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf returns the trace that work under ctx belongs to; the zero Trace if it
// belongs to none.
func TraceOf(ctx context.Context) Trace {
	t, _ := ctx.Value(traceKey{}).(Trace)
	return t
}
