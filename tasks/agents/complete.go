package agents

import (
	"encoding/json"
	"maps"
	"unicode/utf8"

	"github.com/expr-lang/expr/types"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// shape derives the type that expressions see from a schema, so that a
// misspelt field is found when the agent is loaded.
func shape(s *jsonschema.Schema) types.Type {
	s = target(s)
	switch typeOf(s) {
	case "string":
		return types.String
	case "integer":
		return types.Int
	case "number":
		return types.Float64
	case "boolean":
		return types.Bool
	case "array":
		if s.Items2020 == nil {
			return types.Array(types.Any)
		}
		return types.Array(shape(s.Items2020))
	case "object":
		fields := types.Map{}
		for name, p := range s.Properties {
			fields[name] = shape(p)
		}
		return fields
	}
	return types.Any
}

// complete gives v every field that its schema declares: an absent one takes
// the schema's default, or else the zero value of its type. Expressions thus
// never meet a hole. Integers become int, as their shape promises.
func complete(s *jsonschema.Schema, v any) any {
	s = target(s)
	if v == nil && s.Default != nil {
		v = plain(*s.Default)
	}
	switch typeOf(s) {
	case "string":
		if v == nil {
			return ""
		}
	case "integer":
		f, _ := v.(float64)
		return int(f)
	case "number":
		f, _ := v.(float64)
		return f
	case "boolean":
		b, _ := v.(bool)
		return b
	case "array":
		return completeItems(s, v)
	case "object":
		return completeFields(s, v)
	}
	return v
}

func completeItems(s *jsonschema.Schema, v any) []any {
	items, _ := v.([]any)
	out := make([]any, len(items))
	for i, item := range items {
		out[i] = item
		if s.Items2020 != nil {
			out[i] = complete(s.Items2020, item)
		}
	}
	return out
}

func completeFields(s *jsonschema.Schema, v any) map[string]any {
	fields, _ := v.(map[string]any)
	out := make(map[string]any, len(s.Properties))
	maps.Copy(out, fields)
	for name, p := range s.Properties {
		out[name] = complete(p, fields[name])
	}
	return out
}

// plain turns the numbers of a schema's own values into float64, as they are
// in decoded input.
func plain(v any) any {
	if n, ok := v.(json.Number); ok {
		f, _ := n.Float64() // the compiler has checked the schema
		return f
	}
	return v
}

// given reports for each top-level field whether the input has it.
func given(s *jsonschema.Schema, v any) map[string]bool {
	fields, _ := v.(map[string]any)
	out := make(map[string]bool, len(s.Properties))
	for name := range s.Properties {
		_, out[name] = fields[name]
	}
	return out
}

// fit cuts lists to maxItems and texts to maxLength, so that an answer filled
// from a long input still is one the output schema takes.
func fit(s *jsonschema.Schema, v any) any {
	if s == nil {
		return v
	}
	s = target(s)
	switch v := v.(type) {
	case string:
		if s.MaxLength != nil {
			return cut(v, *s.MaxLength)
		}
	case []any:
		if s.MaxItems != nil {
			v = v[:min(len(v), *s.MaxItems)]
		}
		// Copied, because a list may be a constant of the compiled expression.
		out := make([]any, len(v))
		for i := range v {
			out[i] = fit(s.Items2020, v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name := range v {
			out[name] = fit(s.Properties[name], v[name])
		}
		return out
	case *object:
		for i, name := range v.names {
			v.values[i] = fit(s.Properties[name], v.values[i])
		}
	}
	return v
}

// cut shortens text to at most n characters, the last of them an ellipsis.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	if n < 1 {
		return ""
	}
	return string([]rune(text)[:n-1]) + "…"
}
