package openai

import (
	"cmp"
	"maps"

	sdk "github.com/sashabaranov/go-openai"

	"github.com/topcentral/spillway/providers"
)

// request returns the part of the request that go-openai writes. The doer adds
// output limit and temperature: go-openai would drop a 0, and rejects both for
// names that resemble those of some OpenAI models.
func (m Model) request(req *providers.Request) sdk.ChatCompletionRequest {
	messages := req.Messages
	if m.Quirks.JSONMode != JSONSchema || m.Quirks.SchemaInPrompt {
		messages = providers.WithSchema(messages, req.Schema)
	}
	out := sdk.ChatCompletionRequest{Model: m.Name}
	if !m.Quirks.OmitStreamOptions {
		out.StreamOptions = &sdk.StreamOptions{IncludeUsage: true}
	}
	for _, msg := range messages {
		out.Messages = append(out.Messages, sdk.ChatCompletionMessage{Role: string(msg.Role), Content: msg.Content})
	}
	return out
}

// fields returns the fields that the doer adds to the body.
func (m Model) fields(req *providers.Request) map[string]any {
	q := m.Quirks
	fields := make(map[string]any, len(q.ExtraBody)+3)
	maps.Copy(fields, q.ExtraBody)
	if limit := m.limit(req); limit > 0 {
		fields[cmp.Or(q.MaxTokensField, MaxTokens)] = limit
	}
	if q.Temperature != nil {
		fields["temperature"] = min(max(req.Temperature, q.Temperature.Min), q.Temperature.Max)
	}
	if format := responseFormat(q.JSONMode, req); format != nil {
		fields["response_format"] = format
	}
	return fields
}

// limit returns how many tokens the model may generate, reasoning included; 0 if
// unlimited.
func (m Model) limit(req *providers.Request) int {
	limit := req.TokenLimit(m.Quirks.ThinkingTokens)
	if m.OutputLimit > 0 {
		limit = min(limit, m.OutputLimit)
	}
	return limit
}

func responseFormat(mode JSONMode, req *providers.Request) map[string]any {
	if len(req.Schema) == 0 {
		return nil
	}
	switch mode {
	case JSONObject:
		return map[string]any{"type": "json_object"}
	case JSONSchema:
		return map[string]any{"type": "json_schema", "json_schema": map[string]any{
			"name":   cmp.Or(req.SchemaName, "answer"),
			"schema": req.Schema,
		}}
	default:
		return nil
	}
}
