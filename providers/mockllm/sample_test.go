package mockllm_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/topcentral/spillway/providers/mockllm"
)

func TestSamplesAreValidForEveryAgent(t *testing.T) {
	files, err := filepath.Glob("../../tasks/agents/*/output.schema.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d schemas: %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		compiled := compile(t, string(raw))
		for seed := range uint64(50) {
			wantValid(t, compiled, mockllm.Sample(raw, seed))
		}
	}
}

func TestSamples(t *testing.T) {
	for name, schema := range map[string]string{
		"bounds":     `{"type":"integer","minimum":-5,"exclusiveMaximum":-2}`,
		"decimals":   `{"type":"number","exclusiveMinimum":0,"maximum":1}`,
		"multiples":  `{"type":"integer","multipleOf":5,"minimum":1,"maximum":11}`,
		"only above": `{"type":"number","minimum":1000}`,
		"only below": `{"type":"integer","maximum":-7}`,
		"nullable":   `{"type":["string","null"],"maxLength":3}`,
		"references": `{"$ref":"#/$defs/a","$defs":{"a":{"type":"object","required":["b"],"properties":{"b":{"$ref":"#/$defs/b"}}},"b":{"enum":[1,"x",null]}}}`,
		"itself":     `{"$defs":{"n":{"type":"object","required":["v"],"properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}}}},"$ref":"#/$defs/n"}`,
		"all of":     `{"allOf":[{"type":"object","required":["a"],"properties":{"a":{"type":"boolean"}}},{"properties":{"b":{"const":7}},"required":["b"]}]}`,
		"unique":     `{"type":"array","uniqueItems":true,"minItems":2,"maxItems":3,"items":{"enum":["a","b","c"]}}`,
		"tuple":      `{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"minItems":2,"items":false,"maxItems":2}`,
		"formats":    `{"type":"object","properties":{"d":{"type":"string","format":"date"},"t":{"type":"string","format":"date-time"},"u":{"type":"string","format":"uuid"}}}`,
		"long text":  `{"type":"string","minLength":80,"maxLength":90}`,
		"anything":   `{}`,
		"true":       `true`,
	} {
		t.Run(name, func(t *testing.T) {
			compiled := compile(t, schema)
			for seed := range uint64(100) {
				wantValid(t, compiled, mockllm.Sample([]byte(schema), seed))
			}
		})
	}
	if got := mockllm.Sample([]byte(`{"type"`), 1); got != "{}" {
		t.Errorf("no schema: %s", got)
	}
}

func compile(t *testing.T, schema string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func wantValid(t *testing.T, schema *jsonschema.Schema, value string) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(value))
	if err != nil {
		t.Fatalf("%v: %s", err, value)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("%v: %s", err, value)
	}
}

func FuzzSample(f *testing.F) {
	f.Add([]byte(`{"type":"array","items":{"$ref":"#"}}`), uint64(1))
	f.Add([]byte(`{"anyOf":[],"allOf":[{"$ref":"#"}]}`), uint64(2))
	f.Add([]byte(`{"type":"integer","minimum":1e300,"multipleOf":1e-300}`), uint64(3))
	f.Fuzz(func(t *testing.T, schema []byte, seed uint64) {
		if got := mockllm.Sample(schema, seed); !json.Valid([]byte(got)) {
			t.Errorf("%s", got)
		}
	})
}
