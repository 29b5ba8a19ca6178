package ollama

import (
	"encoding/json"
	"regexp"
	"time"

	"github.com/topcentral/spillway/providers"
)

// chatRequest is the body of POST /api/chat.
type chatRequest struct {
	Model     string          `json:"model"`
	Messages  []chatMessage   `json:"messages"`
	Stream    bool            `json:"stream"`
	Format    json.RawMessage `json:"format,omitempty"`
	Options   options         `json:"options"`
	Think     any             `json:"think,omitempty"`
	KeepAlive any             `json:"keep_alive"`
	Truncate  bool            `json:"truncate"` // false: reject a prompt that does not fit
	Shift     bool            `json:"shift"`    // false: stop when the window is full
}

type chatMessage struct {
	Role     string `json:"role"`
	Content  string `json:"content"`
	Thinking string `json:"thinking,omitempty"`
}

// options are always sent: a temperature of 0 is not the default, and any change
// of num_ctx reloads the model.
type options struct {
	NumCtx      int     `json:"num_ctx"`
	NumPredict  int     `json:"num_predict,omitempty"`
	Temperature float64 `json:"temperature"`
}

// thinkers matches the names of models that reason before they answer. A model
// that it misses only gets no extra tokens for reasoning.
var thinkers = regexp.MustCompile(`(?i)deepseek-(r1|v3\.[1-9]|v4)|qwq|qwen3|gpt-oss|magistral|gemma4|glm-[4-9]|kimi|minimax|nemotron|cogito|phi4-.*reasoning|exaone-deep|smallthinker`)

// Thinks reports whether a model reasons before it answers, by its name.
func Thinks(model string) bool { return thinkers.MatchString(model) }

func (p *provider) request(req *providers.Request) *chatRequest {
	messages, thinking := req.Messages, 0
	if Thinks(req.Model) && p.config.Think[req.Model] != false {
		thinking = p.config.ThinkingTokens
		// The schema does not constrain reasoning, so the prompt has it, too.
		messages = providers.WithSchema(messages, req.Schema)
	}
	call := &chatRequest{
		Model:     req.Model,
		Stream:    true,
		Format:    p.grammars.of(req.Schema),
		Options:   options{NumCtx: p.config.NumCtx, NumPredict: req.TokenLimit(thinking), Temperature: req.Temperature},
		Think:     p.config.Think[req.Model],
		KeepAlive: keepAlive(p.config.KeepAlive),
	}
	for _, m := range messages {
		call.Messages = append(call.Messages, chatMessage{Role: string(m.Role), Content: m.Content})
	}
	return call
}

// keepAlive returns a duration as Ollama reads it: -1 is forever.
func keepAlive(d time.Duration) any {
	if d < 0 {
		return -1
	}
	return d.String()
}
