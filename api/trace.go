package api

import (
	"net/http"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

// identifyRequest gives the request an ID and a place in a trace: that of its span,
// where spans are recorded.
func (s *server) identifyRequest(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, at := httpx.NewRequestID(r), tasks.TakeUpTrace(r.Header)
		ctx := httpx.WithRequestID(r.Context(), id)
		if s.cfg.Tracer != nil {
			_, span := s.cfg.Tracer.Start(tasks.ReadTrace(r.Header).Remote(ctx), "HTTP", trace.WithSpanKind(trace.SpanKindServer))
			defer span.End()
			defer describe(span, r, measuredOf(ctx))
			at = tasks.TraceOfSpan(span)
		}
		w.Header().Set(httpx.HeaderRequestID, id)
		w.Header().Set(tasks.HeaderTraceParent, at.Parent)
		return next(w, r.WithContext(tasks.WithTrace(ctx, at)))
	}
}

// describe adds to the span of a request what it turned out to be. Its name has no
// part that a caller chooses.
func describe(span trace.Span, r *http.Request, m *measured) {
	if m == nil || !span.IsRecording() {
		return
	}
	if at := span.SpanContext(); at.IsSampled() {
		m.trace = at.TraceID().String()
	}
	if m.route != "" {
		span.SetName(r.Method + " " + m.route)
		span.SetAttributes(semconv.HTTPRequestMethodKey.String(r.Method), semconv.HTTPRoute(m.route))
	}
	status := m.status
	if status == 0 {
		status = http.StatusOK
	}
	span.SetAttributes(semconv.HTTPResponseStatusCode(status))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
}
