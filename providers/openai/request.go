package openai

import (
	"cmp"
	"maps"

	sdk "github.com/sashabaranov/go-openai"

	"github.com/topcentral/spillway/providers"
)

// request is what go-openai sends by itself. The output limit and the
// temperature are not in it: it would drop a 0, and refuse to send either to a
// model whose name reminds it of one of OpenAI's.
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

// fields is what the doer adds to the body.
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

// limit is how many tokens the model may write, thinking included; 0: as many as
// it likes.
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
