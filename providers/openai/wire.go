package openai

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/wire"
)

// completion is one event of a stream, or a whole response.
type completion struct {
	Choices wire.List[choice] `json:"choices"`
	Usage   json.RawMessage   `json:"usage"`
	envelope
	failureFields
}

// envelope has the members in which gateways wrap an event.
type envelope struct {
	Data     json.RawMessage `json:"data"`
	Result   json.RawMessage `json:"result"`
	Output   json.RawMessage `json:"output"`
	Response json.RawMessage `json:"response"`
}

// inner returns the wrapped event, nil if there is none.
func (c *completion) inner() []byte {
	if len(c.Choices) > 0 {
		return nil
	}
	for _, raw := range []json.RawMessage{c.Data, c.Result, c.Output, c.Response} {
		var event struct {
			Choices json.RawMessage `json:"choices"`
		}
		if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) && wire.Decode(raw, &event) == nil && len(event.Choices) > 0 {
			return raw
		}
	}
	return nil
}

type choice struct {
	Index        wire.Count      `json:"index"`
	Delta        *message        `json:"delta"`
	Message      *message        `json:"message"`
	Text         wire.Text       `json:"text"` // as in an older API
	FinishReason json.RawMessage `json:"finish_reason"`
	Usage        json.RawMessage `json:"usage"` // Kimi sends it here in streams
}

// finish returns the reason why the answer ended, in lower case; "" if it has not
// ended.
func (c choice) finish() string {
	reason := c.FinishReason
	if bytes.HasPrefix(bytes.TrimSpace(reason), []byte("{")) {
		var object struct {
			Type   wire.Text `json:"type"`
			Reason wire.Text `json:"reason"`
		}
		_ = wire.Decode(reason, &object)
		return strings.ToLower(string(object.Type + object.Reason))
	}
	text := strings.ToLower(strings.TrimSpace(wire.TextOf(reason)))
	if text == "null" || text == "none" || text == "false" {
		return ""
	}
	return text
}

// piece returns what a choice adds to the answer so far, had. Some servers stream
// messages in place of deltas. But a message that contains all of had, or that of
// a whole response, only repeats it (MiniMax).
func (c choice) piece(had string, whole bool) (text, reasoning string) {
	m := c.Delta
	if c.Message != nil && (m == nil || m.empty()) {
		m = c.Message
		text, _ := m.both()
		if had != "" && (whole || text == had || len(had) >= repeated && strings.Contains(text, had)) {
			m = nil
		}
	}
	if m == nil {
		m = &message{}
	}
	text, reasoning = m.both()
	if text == "" && m.empty() {
		text = string(c.Text)
	}
	return text, reasoning
}

type message struct {
	Content          json.RawMessage `json:"content"` // a text, or a list of parts
	Refusal          wire.Text       `json:"refusal"`
	ReasoningContent json.RawMessage `json:"reasoning_content"` // DeepSeek, Kimi, Qwen
	Reasoning        json.RawMessage `json:"reasoning"`         // vLLM, Ollama, OpenRouter
	ReasoningDetails json.RawMessage `json:"reasoning_details"` // MiniMax, beside or instead of reasoning_content
}

func (m message) empty() bool {
	return wire.Empty(m.Content) && m.Refusal == "" && wire.Empty(m.ReasoningContent) && wire.Empty(m.Reasoning) && wire.Empty(m.ReasoningDetails)
}

// both returns the text and the reasoning in m. A refusal (OpenAI) counts as text:
// it is shown, and fails the check. Reasoning counts once if it comes under two
// names.
func (m message) both() (text, reasoning string) {
	text, reasoning = contentOf(m.Content, 0)
	text += string(m.Refusal)
	for _, raw := range []json.RawMessage{m.ReasoningContent, m.Reasoning, m.ReasoningDetails} {
		said, thought := contentOf(raw, 0)
		if more := said + thought; more != "" {
			return text, reasoning + more
		}
	}
	return text, reasoning
}

// part is one part of a content list.
type part struct {
	Type     wire.Text       `json:"type"`
	Text     json.RawMessage `json:"text"`
	Thinking json.RawMessage `json:"thinking"` // Mistral
	Content  json.RawMessage `json:"content"`
	Refusal  wire.Text       `json:"refusal"`
}

// contentOf returns the text and the reasoning of a content: a string, an object
// that is a part or the answer itself, or a list of parts. It skips parts of
// unknown types, and parts that are nested too deep.
func contentOf(raw json.RawMessage, depth int) (text, reasoning string) {
	raw = bytes.TrimSpace(raw)
	if depth > maxDepth {
		return "", ""
	}
	if len(raw) == 0 || raw[0] != '{' && raw[0] != '[' {
		return wire.TextOf(raw), ""
	}
	if raw[0] == '{' {
		return partOf(raw, depth)
	}
	var parts []json.RawMessage
	_ = wire.Decode(raw, &parts)
	for _, p := range parts {
		if t := bytes.TrimSpace(p); len(t) > 0 && t[0] == '{' {
			more, thought := partOf(t, depth)
			text, reasoning = text+more, reasoning+thought
		} else {
			text += wire.TextOf(t)
		}
	}
	return text, reasoning
}

func partOf(raw json.RawMessage, depth int) (text, reasoning string) {
	var p part
	_ = wire.Decode(raw, &p)
	inner := p.Text
	if wire.Empty(inner) {
		inner = p.Content
	}
	said, thought := "", ""
	if !wire.Empty(inner) {
		said, thought = contentOf(inner, depth+1)
	}
	switch kind := strings.ToLower(string(p.Type)); {
	case strings.Contains(kind, "think"), strings.Contains(kind, "reason"):
		if !wire.Empty(p.Thinking) {
			more, deeper := contentOf(p.Thinking, depth+1)
			return "", more + deeper
		}
		return "", said + thought
	case kind == "text", kind == "output_text", kind == "refusal":
		return said + string(p.Refusal), thought
	case kind != "":
		return "", ""
	case len(inner) > 0:
		return said, thought
	}
	return string(raw), "" // the answer itself, as an object
}

// usage counts tokens. Cached tokens go by many names.
type usage struct {
	Prompt     wire.Count `json:"prompt_tokens"`
	Completion wire.Count `json:"completion_tokens"`
	Total      wire.Count `json:"total_tokens"`
	Input      wire.Count `json:"input_tokens"`  // OpenAI's newer API, Anthropic
	Output     wire.Count `json:"output_tokens"` //

	PromptDetails struct {
		Cached  wire.Count `json:"cached_tokens"`
		Created wire.Count `json:"cache_creation_input_tokens"` // DashScope
		Written wire.Count `json:"cache_write_tokens"`          // OpenRouter
	} `json:"prompt_tokens_details"`
	CachedTokens   wire.Count `json:"cached_tokens"`           // Kimi
	PromptCacheHit wire.Count `json:"prompt_cache_hit_tokens"` // DeepSeek

	CompletionDetails struct {
		Reasoning wire.Count `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func (u usage) tokens() providers.Usage {
	input, output := max(u.Prompt, u.Input), max(u.Completion, u.Output)
	switch {
	case output == 0 && u.Total > input && input > 0:
		output = u.Total - input
	case input == 0 && u.Total > output && output > 0:
		input = u.Total - output
	}
	return providers.Usage{
		Input:        int(input),
		Cached:       int(min(input, max(u.PromptDetails.Cached, u.CachedTokens, u.PromptCacheHit))),
		CacheWritten: int(min(input, max(u.PromptDetails.Created, u.PromptDetails.Written))),
		Output:       int(output),
		Reasoning:    int(u.CompletionDetails.Reasoning),
	}
}
