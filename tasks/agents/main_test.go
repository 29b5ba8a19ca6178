package agents

import (
	"flag"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/topcentral/spillway/tasks"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tiny is the smallest agent that has everything; tests break a copy of it.
func tiny() *folder {
	files := map[string][]byte{}
	for name, text := range map[string]string{
		definitionFile: `id: T1
title: {zh: 试, en: Try}
summary: {zh: 试, en: Try}
complexity: low
lanes: [local]
models: {local: ["qwen2.5:7b"]}
target: 5s
deadline: 1m
cache_ttl: 0s
privacy: any
max_output_tokens: 100
temperature: 0
`,
		promptFile: "Answer in JSON.\n```json\n{\"score\": 1, \"texts\": []}\n```\n<!-- user -->\n<input>\n{{.Input}}\n</input>\n{{.Language}}\n",
		inputSchemaFile: `{
  "type": "object",
  "additionalProperties": false,
  "required": ["kind"],
  "properties": {
    "kind": {"type": "string", "enum": ["good", "bad"], "description": "what it is"},
    "count": {"type": "integer", "minimum": 0, "maximum": 9},
    "names": {"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 100}}
  }
}`,
		outputSchemaFile: `{
  "type": "object",
  "additionalProperties": false,
  "required": ["score", "texts"],
  "properties": {
    "score": {"type": "integer"},
    "level": {"type": "string", "enum": ["high", "low"]},
    "texts": {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 20}}
  }
}`,
		scorecardFile: `facts:
  many: input.count > 3
start: 50
points:
  - if: input.kind == "good"
    add: 10
    reason: {zh: 好, en: good}
    evidence: [kind]
answer:
  score: = score
  texts:
    - if: many
      item: {zh: 多, en: many}
    - for: input.names
      item: "${it}!"
`,
		"examples/good.json": `{
  "input": {"kind": "good", "count": 4},
  "expect": {
    "/score": 60,
    "/texts": {"min_items": 1}
  }
}`,
	} {
		files[name] = []byte(text)
	}
	return &folder{path: "dir/t1_tiny", files: files}
}

// edit replaces text in one of the folder's files.
func (f *folder) edit(t *testing.T, name, old, replacement string) *folder {
	t.Helper()
	if !strings.Contains(string(f.files[name]), old) {
		t.Fatalf("%s has no %q", name, old)
	}
	f.files[name] = []byte(strings.Replace(string(f.files[name]), old, replacement, 1))
	return f
}

func builtins(t testing.TB) []*Agent {
	t.Helper()
	c, err := Open("", nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.All()
}

// builtinsAnd returns the IDs of the built-in agents and of others that follow.
func builtinsAnd(t testing.TB, others string) string {
	t.Helper()
	var ids []string
	for _, a := range builtins(t) {
		ids = append(ids, a.ID)
	}
	return strings.Join(append(ids, others), " ")
}

func builtin(t testing.TB, id string) *Agent {
	t.Helper()
	for _, a := range builtins(t) {
		if a.ID == id {
			return a
		}
	}
	t.Fatalf("no built-in agent %s", id)
	return nil
}

func pointers(faults []tasks.Fault) string {
	var all []string
	for _, f := range faults {
		all = append(all, f.Pointer)
	}
	return strings.Join(all, " ")
}
