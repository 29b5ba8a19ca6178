package output

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Fit mends slips in an answer that leave no doubt of what was meant, by the JSON
// Schema that it must fit: an object around the answer, a member too many, a
// number or a truth value in quotes, a number where a text is wanted, the case of
// an enumeration's word. What it returns may still not be valid, and is answer
// itself where there is nothing to mend.
func Fit(schema, answer json.RawMessage) json.RawMessage {
	var root, value any
	if json.Unmarshal(schema, &root) != nil || decodeNumbers(answer, &value) != nil {
		return answer
	}
	f := fitter{root}
	fitted, err := json.Marshal(f.fit(root, f.unwrap(root, value)))
	if err != nil {
		return answer
	}
	return fitted
}

func decodeNumbers(text json.RawMessage, into any) error {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	return d.Decode(into)
}

// fitter fits values to the parts of a schema.
type fitter struct{ root any }

// members returns an object, or nil.
func members(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// resolve follows a reference within the schema.
func (f fitter) resolve(schema any) map[string]any {
	for range 10 { // a loop of references is the author's mistake
		ref, ok := members(schema)["$ref"].(string)
		path, local := strings.CutPrefix(ref, "#/")
		if !ok || !local {
			break
		}
		schema = f.root
		for step := range strings.SplitSeq(path, "/") {
			schema = members(schema)[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
		}
	}
	return members(schema)
}

// unwrap takes the answer out of an object that holds nothing else, such as
// {"result": …}.
func (f fitter) unwrap(schema, value any) any {
	properties := members(f.resolve(schema)["properties"])
	if outer := members(value); properties != nil && len(outer) == 1 {
		for name, inner := range outer {
			if _, meant := properties[name]; !meant && members(inner) != nil {
				return inner
			}
		}
	}
	return value
}

func (f fitter) fit(schema, value any) any {
	s := f.resolve(schema)
	switch v := value.(type) {
	case map[string]any:
		return f.object(s, v)
	case []any:
		for i := range v {
			v[i] = f.fit(s["items"], v[i])
		}
	case string:
		return fitText(s, v)
	case json.Number:
		if wants(s, "string") {
			return v.String()
		}
	}
	return value
}

func (f fitter) object(s, v map[string]any) any {
	properties := members(s["properties"])
	for name, member := range v {
		if schema, known := properties[name]; known {
			v[name] = f.fit(schema, member)
		} else if s["additionalProperties"] == false {
			delete(v, name)
		}
	}
	return v
}

// fitText returns what a text was meant to be.
func fitText(s map[string]any, text string) any {
	trimmed := strings.TrimSpace(text)
	if words, ok := s["enum"].([]any); ok {
		for _, w := range words {
			if word, ok := w.(string); ok && strings.EqualFold(word, trimmed) {
				return word
			}
		}
		return text
	}
	switch {
	case wants(s, "number"), wants(s, "integer"):
		if _, err := strconv.ParseFloat(trimmed, 64); err == nil && json.Valid([]byte(trimmed)) {
			return json.Number(trimmed)
		}
	case wants(s, "boolean"):
		if b, err := strconv.ParseBool(strings.ToLower(trimmed)); err == nil && len(trimmed) > 1 {
			return b
		}
	}
	return text
}

// wants reports whether a schema wants values of one type, null aside.
func wants(s map[string]any, kind string) bool {
	switch t := s["type"].(type) {
	case string:
		return t == kind
	case []any:
		found := false
		for _, one := range t {
			if one != kind && one != "null" {
				return false
			}
			found = found || one == kind
		}
		return found
	}
	return false
}
