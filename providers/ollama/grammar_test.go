package ollama

import (
	"encoding/json"
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
