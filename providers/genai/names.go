package genai

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

// operation is the name that the conventions give to every call.
const operation = "chat"

// labels of every call in metrics, in the order of their values.
var labels = []string{"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"}

// began returns the attributes of a span that begins.
func began(provider, model string, c *providers.Call) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("gen_ai.operation.name", operation),
		attribute.String("gen_ai.provider.name", provider),
		attribute.String("gen_ai.request.model", model),
		attribute.Int("gen_ai.request.max_tokens", c.Output),
		attribute.String("spillway.job.id", c.Job),
		attribute.String("spillway.tenant", c.Owner.Tenant),
		attribute.String("spillway.agent", c.Owner.Agent),
	}
}

// end ends the span of a call.
func end(span trace.Span, a *providers.Attempt) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(
		attribute.Int("gen_ai.usage.input_tokens", a.Usage.Input),
		attribute.Int("gen_ai.usage.output_tokens", a.Usage.Output),
		attribute.Float64("gen_ai.response.time_to_first_chunk", a.FirstToken.Seconds()),
		attribute.Bool("spillway.usage.estimated", a.Estimated),
		attribute.Float64("spillway.cost_usd", float64(a.Cost)/float64(tasks.Dollar)),
	)
	if a.Outcome != tasks.OutcomeSucceeded {
		span.SetAttributes(attribute.String("error.type", a.Outcome))
		span.SetStatus(codes.Error, a.Outcome)
	}
}
