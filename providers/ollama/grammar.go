package ollama

import (
	"bytes"
	"encoding/json"
	"sync"
)

// maxGrammars bounds the cache, which holds far more grammars than there are
// schemas in use.
const maxGrammars = 256

// grammars caches the grammars of schemas, which are few and used again and again.
// The zero value is ready to use.
type grammars struct {
	mu    sync.Mutex // guards known
	known map[string]json.RawMessage
}

// of returns the grammar of a schema. The caller must not change it.
func (g *grammars) of(schema json.RawMessage) json.RawMessage {
	g.mu.Lock()
	defer g.mu.Unlock()
	if made, ok := g.known[string(schema)]; ok {
		return made
	}
	if g.known == nil || len(g.known) >= maxGrammars {
		g.known = map[string]json.RawMessage{}
	}
	made := grammar(bytes.Clone(schema))
	g.known[string(schema)] = made
	return made
}

// grammar returns a schema without bounds on the length of strings. The server
// compiles a schema into a grammar, in which a bounded string is a repetition; a
// few dozen of them in lists make a grammar that llama.cpp rejects
// (MAX_REPETITION_THRESHOLD, ggml-org/llama.cpp#17381) or follows slowly. The
// answer is checked against the whole schema in any case. The order of members is
// kept, since the model writes them in that order. A schema that cannot be decoded
// is returned unchanged, for the server to reject.
func grammar(schema json.RawMessage) json.RawMessage {
	members, ok := membersOf(schema)
	if !ok {
		return schema // true, false, or nothing we know
	}
	kept := members[:0]
	for _, m := range members {
		switch m.name {
		case "minLength", "maxLength":
			continue
		case "properties", "$defs", "definitions", "patternProperties", "dependentSchemas": // schemas by name
			if byName, ok := membersOf(m.value); ok {
				for i := range byName {
					byName[i].value = grammar(byName[i].value)
				}
				m.value = object(byName)
			}
		case "allOf", "anyOf", "oneOf", "prefixItems": // lists of schemas
			var list []json.RawMessage
			if json.Unmarshal(m.value, &list) == nil {
				for i := range list {
					list[i] = grammar(list[i])
				}
				m.value = append(append([]byte("["), bytes.Join(asBytes(list), []byte(","))...), ']')
			}
		case "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames":
			m.value = grammar(m.value)
		}
		kept = append(kept, m)
	}
	return object(kept)
}

// member is one member of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// membersOf returns the members of a JSON object in their order; ok is false for
// any other value.
func membersOf(value json.RawMessage) (members []member, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(value))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, false
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, false
		}
		m := member{}
		m.name, _ = name.(string)
		if dec.Decode(&m.value) != nil {
			return nil, false
		}
		members = append(members, m)
	}
	return members, true
}

// object writes members as a JSON object.
func object(members []member) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			continue // a string always encodes
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

func asBytes(list []json.RawMessage) [][]byte {
	out := make([][]byte, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}
