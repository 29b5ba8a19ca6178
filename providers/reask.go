package providers

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// maxQuoted bounds how much of a bad answer is shown to the model again, in
// bytes; with more, the re-ask might no longer fit into its window.
const maxQuoted = 8 << 10

// correction shows a model what was wrong with its answer. It is JSON and not a
// sentence, because a sentence in one language pulls the next answer towards it.
type correction struct {
	Error    string `json:"error"`
	Expected string `json:"expected"`
}

// reask returns messages with the bad answer and what is wrong with it added. A
// blank answer, or one too long to quote, is asked for again without it.
func reask(messages []Message, answer string, problem error) []Message {
	out := slices.Clone(messages)
	if strings.TrimSpace(answer) == "" {
		return out
	}
	if len(answer) <= maxQuoted {
		out = append(out, Message{Role: Assistant, Content: answer})
	}
	return append(out, Message{Role: User, Content: correct(problem)})
}

func correct(problem error) string {
	text := problem.Error()
	if e, ok := errors.AsType[*Error](problem); ok {
		text = e.Message
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(correction{Error: text, Expected: "JSON, same language / 仅 JSON,语言不变"}); err != nil {
		return text // a struct of strings always encodes
	}
	return strings.TrimSpace(b.String())
}
