package openai

import (
	"encoding/json"
	"strings"

	"github.com/topcentral/spillway/providers"
)

// completion is one event of a stream, or a whole answer.
type completion struct {
	Choices []choice        `json:"choices"`
	Usage   json.RawMessage `json:"usage"`

	Error           json.RawMessage `json:"error"`
	BaseResp        *baseResp       `json:"base_resp"`        // MiniMax
	InputSensitive  bool            `json:"input_sensitive"`  // MiniMax
	OutputSensitive bool            `json:"output_sensitive"` // MiniMax
}

type choice struct {
	Index        int             `json:"index"`
	Delta        message         `json:"delta"`
	Message      message         `json:"message"`
	FinishReason string          `json:"finish_reason"`
	Usage        json.RawMessage `json:"usage"` // Kimi puts it here while streaming
}

type message struct {
	Content          string `json:"content"`
	Refusal          string `json:"refusal"`
	ReasoningContent string `json:"reasoning_content"` // DeepSeek, Kimi, Qwen
	Reasoning        string `json:"reasoning"`         // vLLM, Ollama, OpenRouter
	ReasoningDetails []struct {
		Text string `json:"text"`
	} `json:"reasoning_details"` // MiniMax, beside or instead of reasoning_content
}

// reasoning returns the thinking in m, once, under whichever name it came.
func (m message) reasoning() string {
	if m.ReasoningContent != "" {
		return m.ReasoningContent
	}
	if m.Reasoning != "" {
		return m.Reasoning
	}
	var b strings.Builder
	for _, d := range m.ReasoningDetails {
		b.WriteString(d.Text)
	}
	return b.String()
}

// usage counts tokens. Cached tokens go by three names.
type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`

	PromptDetails struct {
		Cached  int `json:"cached_tokens"`
		Created int `json:"cache_creation_input_tokens"` // DashScope
		Written int `json:"cache_write_tokens"`          // OpenRouter
	} `json:"prompt_tokens_details"`
	CachedTokens   int `json:"cached_tokens"`           // Kimi
	PromptCacheHit int `json:"prompt_cache_hit_tokens"` // DeepSeek

	CompletionDetails struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func (u usage) tokens() providers.Usage {
	return providers.Usage{
		Input:        u.Prompt,
		Cached:       max(u.PromptDetails.Cached, u.CachedTokens, u.PromptCacheHit),
		CacheWritten: max(u.PromptDetails.Created, u.PromptDetails.Written),
		Output:       u.Completion,
		Reasoning:    u.CompletionDetails.Reasoning,
	}
}
