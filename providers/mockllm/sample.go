package mockllm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// Sample returns JSON that is valid for a JSON Schema, made from a seed. It
// knows what schemas of answers are made of: types, enum, const, objects, lists,
// bounds, common formats, references within the schema and the combinations
// allOf, anyOf and oneOf; of regular expressions it knows nothing. A schema that
// is none gives {}.
func Sample(schema []byte, seed uint64) string {
	root, err := parseSchema(schema)
	if err != nil {
		return "{}"
	}
	return root.sample(seed)
}

// sample makes a value of a whole schema.
func (n *node) sample(seed uint64) string {
	m := maker{root: n, left: mostValues, rand: rand.New(rand.NewPCG(seed, 0x5eed))}
	var b bytes.Buffer
	m.write(&b, n, 0)
	return b.String()
}

// schemas keeps schemas that were read: a client sends the same ones all the
// time. It is safe for concurrent use.
type schemas struct {
	mu    sync.Mutex
	nodes map[string]*node // by text; nil: it is no schema
}

// mostSchemas is how many schemas are kept.
const mostSchemas = 100

// sample is Sample for a schema that may have come before.
func (k *schemas) sample(schema []byte, seed uint64) string {
	k.mu.Lock()
	n, known := k.nodes[string(schema)]
	k.mu.Unlock()
	if !known {
		n, _ = parseSchema(schema)
		k.keep(string(schema), n)
	}
	if n == nil {
		return "{}"
	}
	return n.sample(seed)
}

func (k *schemas) keep(schema string, n *node) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.nodes) >= mostSchemas || k.nodes == nil {
		k.nodes = map[string]*node{}
	}
	k.nodes[schema] = n
}

// maker makes one value.
type maker struct {
	root *node
	rand *rand.Rand
	left int // values that it may still make
}

// Bounds of what is made, whatever a schema asks for.
const (
	mostValues = 10_000
	mostRunes  = 10_000
)

// deepest is how deep a value may be nested; beyond it lists are as short and
// objects as small as they may be, so that a schema that contains itself ends.
const deepest = 12

func (m *maker) write(b *bytes.Buffer, n *node, depth int) {
	n = m.resolve(n, 0)
	m.left--
	switch {
	case n == nil || n.nothing || depth > 4*deepest || m.left < 0:
		b.WriteString("null")
	case len(n.Const) > 0:
		b.Write(n.Const)
	case len(n.Enum) > 0:
		put(b, n.Enum[m.rand.IntN(len(n.Enum))])
	case len(n.AnyOf) > 0:
		m.write(b, n.AnyOf[m.pick(n.AnyOf, depth)], depth+1)
	case len(n.OneOf) > 0:
		m.write(b, n.OneOf[m.pick(n.OneOf, depth)], depth+1)
	default:
		m.writeType(b, n, depth)
	}
}

// pick chooses one of several schemas; far down the last one, which in schemas
// that contain themselves is the usual way out.
func (m *maker) pick(of []*node, depth int) int {
	if depth > deepest {
		return len(of) - 1
	}
	return m.rand.IntN(len(of))
}

func (m *maker) writeType(b *bytes.Buffer, n *node, depth int) {
	switch n.kind() {
	case "object":
		m.object(b, n, depth)
	case "array":
		m.array(b, n, depth)
	case "integer":
		put(b, int64(m.number(n, true)))
	case "number":
		put(b, m.number(n, false))
	case "boolean":
		put(b, m.rand.IntN(2) == 0)
	case "null":
		b.WriteString("null")
	default:
		put(b, m.text(n))
	}
}

// kind returns a schema's type: the first of several, or what its keywords are
// about.
func (n *node) kind() string {
	var one string
	var several []string
	if json.Unmarshal(n.Type, &one) == nil && one != "" {
		return one
	}
	if json.Unmarshal(n.Type, &several) == nil && len(several) > 0 {
		return several[0]
	}
	switch {
	case len(n.Properties) > 0 || len(n.Required) > 0:
		return "object"
	case n.Items != nil || len(n.Prefix) > 0:
		return "array"
	case n.Min != nil || n.Max != nil:
		return "number"
	}
	return "string"
}

// resolve follows references, and lays the parts of allOf over each other.
func (m *maker) resolve(n *node, depth int) *node {
	for range deepest {
		if n == nil || n.Ref == "" {
			break
		}
		n = m.lookup(n.Ref)
	}
	if n == nil || len(n.AllOf) == 0 || depth > deepest {
		return n
	}
	whole := *n
	whole.AllOf = nil
	for _, part := range n.AllOf {
		if m.left--; m.left < 0 {
			break
		}
		if part = m.resolve(part, depth+1); part != nil {
			whole.Properties = slices.Concat(whole.Properties, part.Properties)
			whole.Required = slices.Concat(whole.Required, part.Required)
			if len(whole.Type) == 0 {
				whole.Type = part.Type
			}
			if len(whole.Enum) == 0 {
				whole.Enum = part.Enum
			}
		}
	}
	return &whole
}

func (m *maker) lookup(ref string) *node {
	if ref == "#" {
		return m.root
	}
	name := ref[strings.LastIndexByte(ref, '/')+1:]
	if n := m.root.Defs[name]; n != nil {
		return n
	}
	return m.root.OldDefs[name]
}

func (m *maker) object(b *bytes.Buffer, n *node, depth int) {
	b.WriteByte('{')
	first := true
	for _, p := range n.Properties {
		if p.node != nil && p.node.nothing || depth > deepest && !slices.Contains(n.Required, p.name) {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		put(b, p.name)
		b.WriteByte(':')
		m.write(b, p.node, depth+1)
	}
	b.WriteByte('}')
}

func (m *maker) array(b *bytes.Buffer, n *node, depth int) {
	size := n.MinItems
	if depth <= deepest {
		size = max(n.MinItems, len(n.Prefix), 1) + m.rand.IntN(2)
	}
	if n.MaxItems != nil {
		size = min(size, *n.MaxItems)
	}
	var seen []string
	b.WriteByte('[')
	for i := range size {
		if m.left < 0 {
			break
		}
		item := n.Items
		if i < len(n.Prefix) {
			item = n.Prefix[i]
		}
		var one bytes.Buffer
		for range 20 { // until it is another one
			one.Reset()
			m.write(&one, item, depth+1)
			if !n.Unique || !slices.Contains(seen, one.String()) {
				break
			}
		}
		if n.Unique && slices.Contains(seen, one.String()) {
			break
		}
		if len(seen) > 0 {
			b.WriteByte(',')
		}
		seen = append(seen, one.String())
		b.Write(one.Bytes())
	}
	b.WriteByte(']')
}

// number returns a number within the bounds, of two decimals at most.
func (m *maker) number(n *node, whole bool) float64 {
	low, high := 0.0, 100.0
	step := 0.01
	if whole {
		step = 1
	}
	if n.Multiple != nil && *n.Multiple > 0 {
		step = *n.Multiple
	}
	switch {
	case n.Min != nil:
		low = *n.Min
	case n.Above != nil:
		low = *n.Above + step
	case n.Max != nil:
		low = min(low, *n.Max)
	}
	high = max(high, low)
	switch {
	case n.Max != nil:
		high = *n.Max
	case n.Below != nil:
		high = *n.Below - step
	}
	first, last := math.Ceil(low/step), math.Floor(high/step)
	if last < first {
		return low
	}
	v := (first + math.Floor(m.rand.Float64()*(last-first+1))) * step
	return math.Round(v*1e6) / 1e6
}

// formats are values of the formats that schemas name.
var formats = map[string]func(*rand.Rand) string{
	"date":      func(r *rand.Rand) string { return day(r).Format(time.DateOnly) },
	"date-time": func(r *rand.Rand) string { return day(r).Format(time.RFC3339) },
	"time":      func(r *rand.Rand) string { return day(r).Format("15:04:05Z07:00") },
	"duration":  func(*rand.Rand) string { return "P1D" },
	"email":     func(*rand.Rand) string { return "mock@example.com" },
	"uri":       func(*rand.Rand) string { return "https://example.com/mock" },
	"hostname":  func(*rand.Rand) string { return "example.com" },
	"ipv4":      func(*rand.Rand) string { return "192.0.2.1" },
	"ipv6":      func(*rand.Rand) string { return "2001:db8::1" },
	"uuid":      func(r *rand.Rand) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", r.Uint64()>>16) },
}

func day(r *rand.Rand) time.Time {
	return time.Date(2026, 1, 1+r.IntN(365), r.IntN(24), 0, 0, 0, time.UTC)
}

// words are what texts are made of. They say what they are.
var words = []string{"模拟回答", "mock answer", "示例依据", "sample reason", "模拟建议", "mock advice"}

func (m *maker) text(n *node) string {
	if f, ok := formats[n.Format]; ok {
		return f(m.rand)
	}
	text := fmt.Sprintf("%s %d", words[m.rand.IntN(len(words))], m.rand.IntN(1000))
	for len([]rune(text)) < min(n.MinLength, mostRunes) {
		text += " " + words[m.rand.IntN(len(words))]
	}
	if n.MaxLength != nil {
		runes := []rune(text)
		text = string(runes[:min(len(runes), *n.MaxLength)])
	}
	return text
}

// put writes a value as JSON.
func put(b *bytes.Buffer, v any) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		b.WriteString("null")
		return
	}
	b.Truncate(b.Len() - 1) // the line end
}
