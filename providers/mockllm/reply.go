package mockllm

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"
	"unicode"
)

// Usage is what a call has consumed, in tokens.
type Usage struct {
	Input     int
	Cached    int // of Input
	Output    int // reasoning included
	Reasoning int
}

// defaultThinking is the default length of reasoning, in tokens.
const defaultThinking = 24

// reply generates the answer to a request. Equal requests get equal answers.
func (s *Server) reply(b *Behavior, a *ask, load time.Duration, n uint64) *reply {
	r := &reply{finish: "stop", at: s.Now(), load: load, id: fmt.Sprintf("mock-%s-%d", a.Provider, n)}
	h := fnv.New64a()
	_, _ = h.Write([]byte(a.Model + "\n" + a.Prompt))
	switch {
	case b.Answer != "":
		r.text = b.Answer
	case len(a.schema) > 0:
		r.text = s.schemas.sample(a.schema, s.config.Seed^h.Sum64())
	default:
		r.text = "This is an answer of a mock model. 这是模拟模型的回答。"
	}
	if a.thinks || a.Provider == Coze && b.Thinking > 0 { // a bot thinks if it was made to
		think := b.Thinking
		if think == 0 {
			think = defaultThinking
		}
		r.reasoning = strings.TrimSpace(strings.Repeat("let me see ", (think*4+8)/9))
	}
	r.limit(a.limit)
	r.usage.Reasoning = tokens(r.reasoning)
	r.usage.Input, r.usage.Output = a.input, tokens(r.text)+r.usage.Reasoning
	r.usage.Cached = int(b.Cached * float64(a.input))
	r.prefill = perSecond(a.input-r.usage.Cached, b.Prefill)
	r.decode = perSecond(r.usage.Output, b.Decode)
	return r
}

// limit cuts an answer off that is longer than was asked for.
func (r *reply) limit(limit int) {
	if limit <= 0 || tokens(r.reasoning)+tokens(r.text) <= limit {
		return
	}
	r.finish = "length"
	r.reasoning, limit = cutTo(r.reasoning, limit)
	r.text, _ = cutTo(r.text, limit)
}

// cutTo returns as much of a text as some tokens hold, and the tokens left.
func cutTo(text string, limit int) (string, int) {
	left := float64(limit)
	for i, c := range text {
		switch {
		case unicode.IsSpace(c):
		case c < unicode.MaxASCII:
			left -= 0.25
		default:
			left -= 0.65
		}
		if left < 0 {
			return text[:i], 0
		}
	}
	return text, int(left)
}
