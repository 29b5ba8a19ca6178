package output

import (
	"encoding/json"
	"slices"
	"strings"
)

// members returns an object, or nil.
func members(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// maxSteps bounds the references that are followed: a loop of them is a mistake
// in the schema.
const maxSteps = 10

// resolve returns the schema that applies: it follows references within the
// schema, and goes past a choice between null and one other schema.
func (f fitter) resolve(schema any) map[string]any {
	for range maxSteps {
		next, ok := f.step(schema)
		if !ok {
			break
		}
		schema = next
	}
	return members(schema)
}

// step returns the schema that another one stands for.
func (f fitter) step(schema any) (next any, ok bool) {
	s := members(schema)
	if ref, ok := s["$ref"].(string); ok {
		return f.target(ref)
	}
	if s["type"] != nil || s["properties"] != nil || s["enum"] != nil {
		return nil, false
	}
	for _, key := range []string{"anyOf", "oneOf", "allOf"} {
		branches, _ := s[key].([]any)
		branches = slices.DeleteFunc(slices.Clone(branches), func(b any) bool { return members(b)["type"] == "null" })
		if len(branches) == 1 {
			return branches[0], true
		}
	}
	return nil, false
}

// target returns the part of the schema that a reference names.
func (f fitter) target(ref string) (any, bool) {
	path, local := strings.CutPrefix(ref, "#/")
	if !local {
		return nil, false
	}
	at := f.root
	for step := range strings.SplitSeq(path, "/") {
		at = members(at)[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
	}
	return at, true
}

// nullable reports whether a schema allows null.
func (f fitter) nullable(schema any) bool {
	for range maxSteps {
		s := members(schema)
		if ref, ok := s["$ref"].(string); ok {
			if schema, ok = f.target(ref); !ok {
				return true
			}
			continue
		}
		if choice, ok := s["enum"].([]any); ok {
			return slices.Contains(choice, nil)
		}
		for _, key := range []string{"anyOf", "oneOf"} {
			if branches, ok := s[key].([]any); ok && s["type"] == nil {
				return slices.ContainsFunc(branches, f.nullable)
			}
		}
		kinds := types(s)
		return len(kinds) == 0 || slices.Contains(kinds, "null")
	}
	return true
}

// types returns the types that a schema names.
func types(s map[string]any) []string {
	switch t := s["type"].(type) {
	case string:
		return []string{t}
	case []any:
		var kinds []string
		for _, one := range t {
			kind, _ := one.(string)
			kinds = append(kinds, kind)
		}
		return kinds
	}
	return nil
}

// wanted returns the only type, null aside, that a schema allows; "" if there
// are several, or any will do.
func wanted(s map[string]any) string {
	kinds := slices.DeleteFunc(types(s), func(kind string) bool { return kind == "null" })
	if len(kinds) != 1 {
		return ""
	}
	return kinds[0]
}

// is reports whether a value has a type; "" is any.
func is(value any, want string) bool {
	kind := kindOf(value)
	return want == "" || kind == want || want == "integer" && kind == "number"
}

// kindOf returns the type of a value, as a schema names it.
func kindOf(value any) string {
	switch value.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case json.Number:
		return "number"
	case bool:
		return "boolean"
	}
	return "null"
}
