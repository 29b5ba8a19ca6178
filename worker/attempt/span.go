package attempt

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// waited records the span of the ticket that the job has waited by, in the trace of
// the request that made the job, and returns the context for the span of the attempt.
func (a *attempt) waited(ctx context.Context) context.Context {
	ctx, ticket := a.cfg.Tracer.Start(a.job.Trace.Remote(ctx), "ticket "+string(a.lane),
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(a.waitingSince()), a.spanAttributes())
	ticket.End()
	return ctx
}

// spanAttributes says which attempt a span belongs to.
func (a *attempt) spanAttributes() trace.SpanStartEventOption {
	return trace.WithAttributes(
		attribute.String("spillway.job.id", a.job.ID), attribute.String("spillway.tenant", a.job.Tenant),
		attribute.String("spillway.agent", a.job.Agent), attribute.String("spillway.lane", string(a.lane)),
		attribute.Int("spillway.attempt", a.job.Attempt), attribute.String("spillway.worker", a.Worker))
}

// waitingSince returns since when the job waited for this attempt: since it was made
// or due, or since its last attempt ended.
func (a *attempt) waitingSince() time.Time {
	since := a.job.CreatedAt
	if a.job.RunAt.After(since) {
		since = a.job.RunAt
	}
	for _, r := range a.job.Attempts {
		if ended := r.StartedAt.Add(time.Duration(r.DurationMS) * time.Millisecond); ended.After(since) {
			since = ended
		}
	}
	return since
}

// describe adds the outcome of an attempt to its span.
func describe(span trace.Span, o outcome) {
	span.SetAttributes(attribute.String("spillway.outcome", o.kind))
	if o.err != nil {
		span.SetStatus(codes.Error, string(o.err.Code))
	}
}
