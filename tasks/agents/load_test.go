package agents

import (
	"strings"
	"testing"
)

func TestTinyLoads(t *testing.T) {
	a, err := load(tiny())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range a.RunExamples() {
		if r.Err != nil {
			t.Errorf("%s: %v", r.Name, r.Err)
		}
	}
}

func TestBrokenFoldersNameFileAndLine(t *testing.T) {
	for _, c := range []struct {
		name, file, old, new string
		want                 string // after the folder's path
	}{
		{"yaml syntax", definitionFile, "complexity: low", "complexity: [low", "agent.yaml:4: "},
		{"unknown yaml field", definitionFile, "target: 5s", "tarqet: 5s", `agent.yaml:7: unknown field "tarqet"`},
		{"duplicate yaml field", definitionFile, "target: 5s", "privacy: any", "agent.yaml:10: mapping key \"privacy\" already defined"},
		{"bad duration", definitionFile, "deadline: 1m", "deadline: soon", "agent.yaml:8: "},
		{"unknown complexity", definitionFile, "complexity: low", "complexity: tiny", "agent.yaml:4: complexity: must be one of"},
		{"unknown lane", definitionFile, "lanes: [local]", "lanes: [local, moon]", `agent.yaml:5: lanes: "moon" is not local or cloud`},
		{"deadline before target", definitionFile, "target: 5s", "target: 2m", "agent.yaml:8: deadline: must not be shorter"},
		{"pointer without a slash", definitionFile, "privacy: any", "never_send: [account]\nprivacy: any", "agent.yaml:10: never_send"},
		{"contradicting privacy", definitionFile, "lanes: [local]\nmodels", "lanes: [cloud]\nmodels", ""},
		{"order of a model", definitionFile, `models: {local: ["qwen2.5:7b"]}`, `models: {local: ["qwen2.5:7b"], order: [kimi/k2]}`, `agent.yaml:6: models: order "kimi/k2": name providers`},
		{"order with a name twice", definitionFile, `models: {local: ["qwen2.5:7b"]}`, `models: {local: ["qwen2.5:7b"], order: [kimi, kimi]}`, `agent.yaml:6: models: order "kimi"`},
		{"smallest answer above the largest", definitionFile, "temperature: 0", "temperature: 0\nmin_output_tokens: 101", "agent.yaml:13: min_output_tokens: must be between"},
		{"variant without weight", definitionFile, "temperature: 0", "temperature: 0\nvariants: [{name: a}]", "agent.yaml:13: variants: a: weight must be"},
		{"two variants of one name", definitionFile, "temperature: 0", "temperature: 0\nvariants: [{name: a, weight: 1}, {name: a, weight: 2}]", `agent.yaml:13: variants: "a" is named twice`},
		{"variant that is no name", definitionFile, "temperature: 0", "temperature: 0\nvariants: [{name: a b, weight: 1}]", `agent.yaml:13: variants: "a b" is not a name`},
		{"variant with a candidate that is none", definitionFile, "temperature: 0", "temperature: 0\nvariants: [{name: a, weight: 1, candidates: [/x]}]", `agent.yaml:13: variants: a: "/x" is not a provider`},
		{"variant with another folder's prompt", definitionFile, "temperature: 0", "temperature: 0\nvariants: [{name: a, weight: 1, prompt: ../prompt.md}]", "agent.yaml:13: variants: a: the file of a prompt"},
		{"variant without its prompt", definitionFile, "temperature: 0", "temperature: 0\nvariants: [{name: a, weight: 1, prompt: prompt.a.md}]", "prompt.a.md: the file is missing"},
		{"no English title", definitionFile, "title: {zh: 试, en: Try}", "title: {zh: 试}", "agent.yaml:2: title: has no text for en"},
		{"ID of another folder", definitionFile, "id: T1", "id: T2", "agent.yaml:1: id: the folder"},
		{"json syntax", inputSchemaFile, `"kind": {"type"`, `"kind" {"type"`, "input.schema.json:6: invalid character"},
		{"schema rule", inputSchemaFile, `"minimum": 0`, `"minimum": "0"`, "input.schema.json:7: /properties/count/minimum: "},
		{"schema type", outputSchemaFile, `"type": "object"`, `"type": "array"`, `output.schema.json:1: the schema must have "type": "object"`},
		{"outside reference", outputSchemaFile, `{"type": "integer"}`, `{"$ref": "file:///etc/passwd"}`, "output.schema.json"},
		{"endless schema", inputSchemaFile, `"items": {"type": "string", "maxLength": 100}`, `"items": {"$ref": "#"}`, "input.schema.json:1: "},
		{"template syntax", promptFile, "{{.Input}}", "{{.Input", "prompt.md:8: "},
		{"template field", promptFile, "{{.Input}}", "{{.Input.knd}}", `prompt.md:7: "knd" is not a field of the input; did you mean "kind"?`},
		{"template data", promptFile, "{{.Language}}", "{{.Lang}}", "prompt.md:9: .Lang does not exist"},
		{"template inclusion", promptFile, "{{.Language}}", `{{template "x"}}`, "prompt.md:9: template is not allowed"},
		{"no user part", promptFile, "<!-- user -->", "", "prompt.md: want one line <!-- user -->"},
		{"no input", promptFile, "{{.Input}}", "", "prompt.md: the user part does not hold {{.Input}}"},
		{"no JSON", promptFile, "JSON", "text", "prompt.md: the word JSON is missing"},
		{"varying system part", promptFile, "Answer in JSON.", "Answer in JSON.\n{{.Language}}", "prompt.md:2: the system part is the same"},
		{"unknown scorecard field", scorecardFile, "start: 50", "begin: 50", `scorecard.yaml:3: unknown field "begin"`},
		{"expression syntax", scorecardFile, "input.count > 3", "input.count >", "scorecard.yaml:2: "},
		{"misspelt input field", scorecardFile, "input.count > 3", "input.cuont > 3", "scorecard.yaml:2: "},
		{"impossible value", scorecardFile, `input.kind == "good"`, `input.kind == "god"`, `scorecard.yaml:5: input.kind is never "god"; it is one of "good", "bad"`},
		{"condition that is no condition", scorecardFile, `if: input.kind == "good"`, "if: input.kind", "scorecard.yaml:5: "},
		{"clock", scorecardFile, "input.count > 3", "now().Year() > 3", "scorecard.yaml:2: "},
		{"line inside a block", scorecardFile, "many: input.count > 3", "many: |\n    input.count > 3\n      && nothing", "scorecard.yaml:4: "},
		{"bad point text", scorecardFile, "{zh: 好, en: good}", "{zh: 好}", "scorecard.yaml:7: want a text"},
		{"open brace", scorecardFile, `"${it}!"`, `"${it!"`, "scorecard.yaml:15: ${ has no closing }"},
		{"evidence that is no field", scorecardFile, "[kind]", "[kid]", "scorecard.yaml:8: "},
		{"taken name", scorecardFile, "many: input.count", "input: input.count", `scorecard.yaml:2: "input" cannot be a name`},
		{"field the output does not have", scorecardFile, "score: = score", "scoer: = score", `scorecard.yaml:10: "scoer" is not a field of the output schema; did you mean "score"?`},
		{"missing output field", scorecardFile, "score: = score", "level: high", `scorecard.yaml:10: "score" is missing here`},
		{"value the output does not have", scorecardFile, "score: = score", "score: = score\n  level: middle", `scorecard.yaml:11: "middle" is not in the output schema`},
		{"loop over no list", scorecardFile, "for: input.names", "for: input.kind", "scorecard.yaml:14: for wants a list"},
		{"clear_when that is no condition", scorecardFile, "answer:", "clear_when: score\nanswer:", "scorecard.yaml:9: "},
		{"clear_when on what is not there", scorecardFile, "answer:", "clear_when: scoer > 90\nanswer:", "scorecard.yaml:9: unknown name scoer"},
		{"too deep", scorecardFile, "input.count > 3", `'any(input.names, any(input.names, any(input.names, # == "a")))'`, "scorecard.yaml:2: lists are walked more than 2 deep"},
		{"unknown example field", "examples/good.json", `"expect"`, `"expects"`, `examples/good.json`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(tiny().edit(t, c.file, c.old, c.new))
			if c.want == "" {
				if err != nil {
					t.Fatalf("got %v, want no error", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), "dir/t1_tiny/"+c.want) {
				t.Fatalf("got  %v\nwant dir/t1_tiny/%s", err, c.want)
			}
		})
	}
}

func TestMissingFiles(t *testing.T) {
	for _, name := range []string{definitionFile, promptFile, inputSchemaFile, outputSchemaFile} {
		f := tiny()
		delete(f.files, name)
		if _, err := load(f); err == nil || !strings.Contains(err.Error(), name+": the file is missing") {
			t.Errorf("without %s: got %v", name, err)
		}
	}
	f := tiny()
	delete(f.files, scorecardFile)
	a, err := load(f)
	if err != nil || a.HasScorecard() {
		t.Errorf("without a scorecard: got %v, %v", a.HasScorecard(), err)
	}
}

func TestFailingExamplesNameTheLine(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"exact value", `"/score": 60`, `"/score": 61`, "good.json:4: zh: the answer's /score: got 60, want 61"},
		{"number of items", `"min_items": 1`, `"min_items": 2`, "good.json:5: zh: the answer's /texts: got 1 items"},
		{"a case that is not clear", `"expect"`, `"clear": true, "expect"`, "good.json:3: zh: clear_when says false, want true"},
		{"no such value", `"/score"`, `"/scores"`, "good.json:4: zh: the answer's /scores: the answer has no such value"},
		{"unknown demand", `"min_items"`, `"least"`, "good.json:5: "},
		{"bad input", `"kind": "good"`, `"kind": "fair"`, `good.json:2: the input breaks the input schema at "/kind"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := load(tiny().edit(t, "examples/good.json", c.old, c.new))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range a.RunExamples() {
				if r.Name == "good" && (r.Err == nil || !strings.Contains(r.Err.Error(), c.want)) {
					t.Errorf("got %v, want %s", r.Err, c.want)
				}
			}
		})
	}
}

func TestVersionIsADigestOfEveryFile(t *testing.T) {
	before := tiny().digest()
	if again := tiny().digest(); again != before {
		t.Errorf("the same folder gave %s and %s", before, again)
	}
	for name := range tiny().files {
		f := tiny()
		f.files[name] = append(f.files[name], ' ')
		if f.digest() == before {
			t.Errorf("a change to %s left the version", name)
		}
	}
}
