package fuzzapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/lab/contract"
)

// maker makes values that fit JSON Schemas.
type maker struct {
	*rand.Rand
	root   map[string]any              // what references lead into
	now    time.Time                   // what times are near to
	canary string                      // found in some texts
	solid  bool                        // no text is blank: agents take that for none
	known  map[string]func(*maker) any // values of properties that must mean something, by name
}

// chance reports true with a probability.
func (m *maker) chance(p float64) bool { return m.Float64() < p }

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// deref returns the schema that a schema resolves to: what it refers to, and all
// parts of it as one.
func (m *maker) deref(schema map[string]any) map[string]any {
	for {
		ref, ok := schema["$ref"].(string)
		if !ok {
			break
		}
		schema = contract.Map(m.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	parts, _ := schema["allOf"].([]any)
	if parts == nil {
		return schema
	}
	whole := maps.Clone(schema)
	delete(whole, "allOf")
	properties, required := map[string]any{}, []any{}
	for _, part := range parts {
		p := m.deref(contract.Map(part))
		maps.Copy(whole, p)
		maps.Copy(properties, contract.Map(p, "properties"))
		more, _ := p["required"].([]any)
		required = append(required, more...)
	}
	whole["properties"], whole["required"] = properties, required
	return whole
}

// maxDepth bounds how deep unexpected values are nested.
const maxDepth = 5

// value makes a value that fits a schema.
func (m *maker) value(schema map[string]any, depth int) any {
	schema = m.deref(schema)
	if v, ok := schema["const"]; ok {
		return v
	}
	if all, ok := schema["enum"].([]any); ok {
		return pick(m.Rand, all)
	}
	for _, choice := range []string{"oneOf", "anyOf"} {
		if all, ok := schema[choice].([]any); ok {
			return m.value(contract.Map(pick(m.Rand, all)), depth)
		}
	}
	switch m.typeOf(schema) {
	case "object":
		return m.object(schema, depth)
	case "array":
		return m.array(schema, depth)
	case "string":
		return m.text(schema)
	case "integer":
		return m.integer(schema)
	case "number":
		return m.number(schema)
	case "boolean":
		return m.chance(0.5)
	case "null":
		return nil
	}
	return m.anything(depth)
}

func (m *maker) typeOf(schema map[string]any) string {
	switch t := schema["type"].(type) {
	case string:
		return t
	case []any:
		return fmt.Sprint(pick(m.Rand, t))
	}
	if schema["properties"] != nil {
		return "object"
	}
	return ""
}

// object makes what is required, and some of the rest.
func (m *maker) object(schema map[string]any, depth int) map[string]any {
	o := map[string]any{}
	properties := contract.Map(schema, "properties")
	required, _ := schema["required"].([]any)
	names := slices.Sorted(maps.Keys(properties))
	for i, name := range names {
		left := len(names) - i // with which the fewest members can just be reached
		if !slices.Contains(required, any(name)) && left > int(bound(schema, "minProperties", 0))-len(o) && (depth > maxDepth || !m.chance(0.35)) {
			continue
		}
		if special := m.known[name]; special != nil {
			o[name] = special(m)
			continue
		}
		o[name] = m.value(contract.Map(properties, name), depth+1)
	}
	if more := contract.Map(schema, "additionalProperties"); more != nil {
		names := contract.Map(schema, "propertyNames")
		for range m.IntN(4) {
			o[m.text(names)] = m.value(more, depth+1)
		}
	}
	return o
}

func (m *maker) array(schema map[string]any, depth int) []any {
	least, most := bound(schema, "minItems", 0), bound(schema, "maxItems", 4)
	list := []any{}
	items := contract.Map(schema, "items")
	for range int(least) + m.IntN(int(min(most, least+3)-least)+1) {
		v := m.value(items, depth+1)
		if schema["uniqueItems"] == true && slices.ContainsFunc(list, func(w any) bool { return fmt.Sprint(v) == fmt.Sprint(w) }) {
			continue
		}
		list = append(list, v)
	}
	return list
}

// integer makes a whole number, often one at the edge. JSON has many ways to
// write it.
func (m *maker) integer(schema map[string]any) json.Number {
	least, most := bound(schema, "minimum", 0), bound(schema, "maximum", 1000)
	n := int64(least) + m.Int64N(int64(max(most-least, 0))+1)
	switch m.IntN(8) {
	case 0:
		n = int64(least)
	case 1:
		n = int64(max(least, most))
	}
	switch m.IntN(12) {
	case 0:
		return json.Number(fmt.Sprintf("%d.0", n))
	case 1:
		return json.Number(fmt.Sprintf("%de0", n))
	}
	return json.Number(strconv.FormatInt(n, 10))
}

func (m *maker) number(schema map[string]any) json.Number {
	least, most := bound(schema, "minimum", -1e6), bound(schema, "maximum", 1e6)
	return json.Number(fmt.Sprint(least + m.Float64()*(most-least)))
}

// anything makes a value without a schema.
func (m *maker) anything(depth int) any {
	switch m.IntN(7) {
	case 0:
		return nil
	case 1:
		return m.chance(0.5)
	case 2:
		return m.integer(nil)
	case 3, 4:
		return m.text(nil)
	}
	if depth > maxDepth {
		return m.text(nil)
	}
	if m.chance(0.5) {
		return []any{m.anything(depth + 1), m.anything(depth + 1)}
	}
	return map[string]any{m.text(nil): m.anything(depth + 1)}
}

// bound reads a bound of a schema.
func bound(schema map[string]any, name string, otherwise float64) float64 {
	switch v := schema[name].(type) {
	case int:
		return float64(v)
	case float64:
		return v
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return f
		}
	}
	return math.Trunc(otherwise)
}
