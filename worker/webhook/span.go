package webhook

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/topcentral/spillway/tasks"
)

// traced posts a delivery as a span of the trace that it is a part of.
func (c *Sender) traced(ctx context.Context, d Delivery) (o Outcome) {
	if c.tracer == nil || d.Trace.ID() == "" {
		d.Trace = d.Trace.Next()
		return c.post(ctx, d)
	}
	_, span := c.tracer.Start(d.Trace.Remote(ctx), "webhook", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		semconv.ServerAddress(hostOf(d.URL)), attribute.String("spillway.webhook.id", d.ID), attribute.String("spillway.tenant", d.Tenant)))
	defer func() {
		if o.Status != 0 {
			span.SetAttributes(semconv.HTTPResponseStatusCode(o.Status))
		}
		if o.Class != Delivered {
			span.SetStatus(codes.Error, fmt.Sprint(o.Class))
		}
		span.End()
	}()
	d.Trace = tasks.TraceOfSpan(span)
	return c.post(ctx, d)
}
