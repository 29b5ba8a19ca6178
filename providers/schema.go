package providers

import (
	"encoding/json"
	"slices"
)

// schemaRule asks for the JSON in both of our prompt languages, so that it does
// not pull the answer towards one of them.
const schemaRule = "只输出一个符合以下 JSON Schema 的 JSON,不要任何其他文字。\n" +
	"Answer with exactly one JSON value that is valid against this JSON Schema, and nothing else.\n"

// WithSchema returns messages with the schema written into the first system
// message (one is made if there is none), for models whose server does not
// enforce a schema. It leaves messages as they are when schema is nil, and
// never changes its arguments.
func WithSchema(messages []Message, schema json.RawMessage) []Message {
	if len(schema) == 0 {
		return messages
	}
	rule := schemaRule + string(schema)
	out := slices.Clone(messages)
	for i, m := range out {
		if m.Role == System {
			out[i].Content = m.Content + "\n\n" + rule
			return out
		}
	}
	return slices.Insert(out, 0, Message{Role: System, Content: rule})
}
