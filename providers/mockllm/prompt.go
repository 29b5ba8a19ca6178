package mockllm

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// message is one turn of a conversation, as every dialect sends it.
type message struct {
	Role    string  `json:"role"`
	Content content `json:"content"`
}

// content is a text, or a list of parts of which some are texts.
type content string

// UnmarshalJSON reads either.
func (c *content) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*c = content(text)
		return nil
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return err
	}
	for _, p := range parts {
		*c += content(p.Text)
	}
	return nil
}

// joined returns what is said in messages.
func joined(messages []message) string {
	texts := make([]string, 0, len(messages))
	for _, m := range messages {
		texts = append(texts, string(m.Content))
	}
	return strings.Join(texts, "\n")
}

// tokens estimates the length of a text as most tokenizers count it: English
// near a quarter of a token per character, Chinese near two thirds, and next to
// nothing for white space.
func tokens(text string) int {
	n := 0.0
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
		case r < unicode.MaxASCII:
			n += 0.25
		default:
			n += 0.65
		}
	}
	return int(math.Ceil(n))
}

// schemaIn finds the JSON Schema in a prompt, for the models whose service
// enforces none: the first JSON object that describes an object or says that it
// is a schema. It returns nil if there is none.
func schemaIn(prompt string) []byte {
	for rest := prompt; ; {
		i := strings.IndexByte(rest, '{')
		if i < 0 {
			return nil
		}
		rest = rest[i:]
		dec := json.NewDecoder(strings.NewReader(rest))
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			rest = rest[1:]
			continue
		}
		if isSchema(raw) {
			return raw
		}
		rest = rest[dec.InputOffset():]
	}
}

func isSchema(raw []byte) bool {
	var s struct {
		Dialect    string          `json:"$schema"`
		Type       json.RawMessage `json:"type"`
		Properties map[string]any  `json:"properties"`
	}
	if json.Unmarshal(raw, &s) != nil {
		return false
	}
	return s.Dialect != "" || len(s.Properties) > 0 && len(s.Type) > 0 || bytes.Equal(s.Type, []byte(`"object"`))
}

func itoa(n int) string { return strconv.Itoa(n) }
