package agents

import (
	"strings"
	"testing"
)

func TestTheTrialFindsWhatExamplesDoNot(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"a fraction in an integer field", "score: = score", "score: = total / 3 + input.count", `breaks the output schema at "/score": must be an integer`},
		{"a division by a field that is absent", "add: 10", "add: 10 / input.count", "not a finite number"},
		{"an index behind the end of a list", "score: = score", "score: '= input.kind == \"bad\" && input.names[4] == \"x\" ? 1 : 2'", "out of range"},
		{"a text that one language lacks", "item: {zh: 多, en: many}", "item: '${lang == \"en\" ? input.names[0] : \"\"}'", "out of range"},
		{"points above the most", "add: 10", "add: input.count * 20", "at most 100"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := tiny().edit(t, scorecardFile, c.old, c.new)
			delete(f.files, "examples/good.json")
			a, err := load(f)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Try(); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "with the input {") {
				t.Errorf("got %v, want %q and the input", err, c.want)
			}
		})
	}
}

func TestTheTrialCoversTheSchema(t *testing.T) {
	a, err := load(tiny())
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	inputs := a.trialInputs()
	for _, in := range inputs {
		all.Write(in)
		all.WriteByte('\n')
	}
	for _, want := range []string{`{"kind":"good"}`, `"kind":"bad"`, `"count":0`, `"count":9`, `"names":[]`, "字符"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("no input has %s", want)
		}
	}
	if again := a.trialInputs(); len(again) != len(inputs) || string(again[40]) != string(inputs[40]) {
		t.Error("the inputs of a second trial are others")
	}
}

func TestValuesOutsideAnEnumerationAreFound(t *testing.T) {
	for _, c := range []struct{ name, answer, want string }{
		{"of a finding", "level: = grade", `scorecard.yaml:13: the value can be "middle", which the output schema does not take here; use one of "high", "low"`},
		{"of an expression", `level: '= score > 5 ? "high" : "lwo"'`, `the value can be "lwo"`},
		{"of a text that is a finding", `level: "${grade}"`, `the value can be "middle"`},
		{"a number for a text", "level: 3", "3 is not a value that the output schema takes here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(tiny().edit(t, scorecardFile, "answer:\n", "findings:\n  usual: '\"low\"'\n  grade: 'score > 90 ? \"middle\" : usual'\nanswer:\n  "+c.answer+"\n"))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestAllFaultsOfAFolderAreReportedAtOnce(t *testing.T) {
	f := tiny().edit(t, definitionFile, "target: 5s", "target: soon").
		edit(t, definitionFile, "complexity: low", "complexity: tiny").
		edit(t, inputSchemaFile, `"kind": {"type": "string"`, `"kind": {"type": "string", "minLength": "x"`).
		edit(t, inputSchemaFile, `"minimum": 0`, `"minimum": "0"`).
		edit(t, "examples/good.json", `"expect"`, `"expects"`)
	g := tiny().edit(t, scorecardFile, "many: input.count > 3", "many: input.cuont > 3\n  more: input.conut > 3").
		edit(t, scorecardFile, `if: input.kind == "good"`, `if: input.kind == "god"`).
		edit(t, scorecardFile, "{zh: 好, en: good}", "{zh: 好, en: \"${no}\"}").
		edit(t, scorecardFile, "score: = score", "scoer: = score").
		edit(t, promptFile, "{{.Input}}", "{{.Input.knd}}").
		edit(t, promptFile, "Answer in JSON.", "Answer.\n{{.Language}}")
	for _, c := range []struct {
		folder *folder
		want   []string
	}{
		{f, []string{"agent.yaml:7: target", "agent.yaml:4: complexity", "/properties/kind/minLength", "/properties/count/minimum", "examples/good.json"}},
		{g, []string{"scorecard.yaml:2: ", "scorecard.yaml:3: ", "scorecard.yaml:6: ", "scorecard.yaml:8: ", `"scoer" is not a field`, `"knd" is not a field`, "the word JSON is missing", "the system part is the same"}},
	} {
		_, err := load(c.folder)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v\nwant also %s", err, want)
			}
		}
	}
}

func BenchmarkTrial(b *testing.B) {
	for b.Loop() {
		for _, a := range builtins(b) {
			if err := a.Try(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
