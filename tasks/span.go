package tasks

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// NoTracer returns a tracer whose spans are recorded nowhere and have no place of
// their own in a trace.
func NoTracer() trace.Tracer { return noop.NewTracerProvider().Tracer("") }

// Remote returns a context whose spans are children of the trace's; of no trace, ctx
// itself.
func (t Trace) Remote(ctx context.Context) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier(t.Headers()))
}

// TraceOfSpan returns the place of a span in its trace; the zero Trace if it has none.
func TraceOfSpan(span trace.Span) Trace {
	at := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpan(context.Background(), span), at)
	return Trace{Parent: at["traceparent"], State: at["tracestate"]}
}
