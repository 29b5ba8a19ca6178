package ollama

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
)

func TestGrammarsHaveNoBoundedStrings(t *testing.T) {
	tests := []struct{ name, schema, want string }{
		{"string", `{"type":"string","minLength":1,"maxLength":120}`, `{"type":"string"}`},
		{
			"in objects in lists",
			`{"type":"array","maxItems":6,"items":{"type":"object","properties":{"text":{"type":"string","maxLength":9}}}}`,
			`{"type":"array","maxItems":6,"items":{"type":"object","properties":{"text":{"type":"string"}}}}`,
		},
		{"a field of that name", `{"properties":{"maxLength":{"type":"integer"}}}`, `{"properties":{"maxLength":{"type":"integer"}}}`},
		{"a value of that name", `{"enum":[{"maxLength":1}],"const":{"maxLength":1}}`, `{"enum":[{"maxLength":1}],"const":{"maxLength":1}}`},
		{"alternatives", `{"anyOf":[{"maxLength":1},true]}`, `{"anyOf":[{},true]}`},
		{"in the order given", `{"properties":{"z":{"minLength":1},"a":{},"m":true}}`, `{"properties":{"z":{},"a":{},"m":true}}`},
		{"not a schema", `[`, `[`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(grammar(json.RawMessage(tt.schema))); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// A grammar that is remembered is the one that would be made, however many
// schemas there are.
func TestGrammarsAreRemembered(t *testing.T) {
	var g grammars
	for range 2 {
		for i := range maxGrammars + 10 {
			schema := json.RawMessage(fmt.Sprintf(`{"type":"string","title":"%d","maxLength":%d}`, i, i))
			want := string(grammar(bytes.Clone(schema)))
			if got := string(g.of(schema)); got != want {
				t.Fatalf("got %s, want %s", got, want)
			}
			if len(g.known) > maxGrammars {
				t.Fatalf("remembers %d grammars, want %d at most", len(g.known), maxGrammars)
			}
		}
	}
	if got := g.of(nil); len(got) > 0 {
		t.Errorf("of no schema: got %s, want none", got)
	}
}
