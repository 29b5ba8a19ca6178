package agents

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/tasks"
)

func TestBuiltinAgents(t *testing.T) {
	type place struct {
		complexity tasks.Complexity
		model      string
		target     time.Duration
	}
	want := map[string]place{
		"A02": {tasks.High, "deepseek-r1:32b", time.Minute},
		"A03": {tasks.Extreme, "deepseek-r1:32b", 2 * time.Minute},
		"A04": {tasks.Medium, "qwen2.5:7b", 30 * time.Second},
		"A05": {tasks.Medium, "qwen2.5:7b", 20 * time.Second},
	}
	all := builtins(t)
	if len(all) != len(want) {
		t.Errorf("got %d agents, want %d", len(all), len(want))
	}
	for _, a := range all {
		got := place{a.Complexity, a.Models.Local[0], a.Target.Std()}
		if got != want[a.ID] || a.Lanes[0] != tasks.Local {
			t.Errorf("%s: got %v, lanes %v, want %v, local first", a.ID, got, a.Lanes, want[a.ID])
		}
		if !a.HasScorecard() || len(a.examples) < 2 {
			t.Errorf("%s: got %d examples and scorecard %v", a.ID, len(a.examples), a.HasScorecard())
		}
		for _, r := range a.RunExamples() {
			if r.Err != nil {
				t.Errorf("%s: %s: %v", a.ID, r.Name, r.Err)
			}
		}
	}
}

func TestLoadDir(t *testing.T) {
	a, err := LoadDir("a02_opportunity_scoring")
	if err != nil {
		t.Fatal(err)
	}
	if want := builtin(t, "A02").Version; a.Version != want {
		t.Errorf("version %s from the directory, %s embedded", a.Version, want)
	}
	if _, err := LoadDir("a99_nothing"); err == nil {
		t.Error("a folder that does not exist loads")
	}
}

func TestCheckInput(t *testing.T) {
	for _, c := range []struct {
		name, agent, input string
		pointers, detail   string
	}{
		{"the least", "A02", `{"product": "B"}`, "", ""},
		{"null is absent", "A02", `{"product": "B", "amount": null, "authority": null}`, "", ""},
		{"blank is absent", "A02", `{"product": "B", "amount": 1, "seller": "", "authority": " ", "as_of": ""}`, "", ""},
		{"blank for required", "A02", `{"product": " "}`, "/product", "is required"},
		{"required", "A02", `{}`, "/product", "is required: 产品"},
		{"null for required", "A02", `{"product": null}`, "/product", "is required"},
		{"enum", "A02", `{"product": "B", "authority": "medium"}`, "/authority", `must be one of "low", "mid", "high", "unknown", not "medium"`},
		{"unknown field", "A02", `{"product": "B", "competitor": "yes"}`, "/competitor", `did you mean "competitors"?`},
		{"outcome", "A02", `{"product": "B", "status": "won"}`, "/status", "is not a known field"},
		{"type", "A02", `{"product": "B", "amount": "12"}`, "/amount", "must be a number, not a string"},
		{"below", "A02", `{"product": "B", "amount": -1}`, "/amount", "must be at least 0, not -1"},
		{"date", "A02", `{"product": "B", "as_of": "31.3.2026"}`, "/as_of", "must be a date such as 2026-03-31"},
		{"several", "A02", `{"rfi": 1, "growth": "up"}`, "/growth /product /rfi", ""},
		{"inside a list", "A04", `{"date": "2026-03-12", "activities": [{"salesperson": "A", "kind": "visit", "text": "x"}, {"salesperson": "B", "kind": "fax", "text": "x"}]}`, "/activities/1/kind", "must be one of"},
		{"empty list", "A04", `{"date": "2026-03-12", "activities": []}`, "/activities", "has 0 items, at least 1 are needed"},
		{"too long", "A05", `{"as_of": "2026-03-12", "customer": "` + strings.Repeat("长", 201) + `"}`, "/customer", "has 201 characters, at most 200"},
		{"list", "A02", `[]`, "", "must be an object, not an array"},
		{"empty", "A02", ``, "", "it is empty"},
		{"syntax", "A02", `{"product"`, "", "must be a JSON object"},
		{"two values", "A02", `{"product": "B"} {}`, "", "more than one value"},
		{"huge number", "A02", `{"product": "B", "amount": 1e999999999}`, "", "must be a JSON object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults := builtin(t, c.agent).CheckInput(json.RawMessage(c.input))
			if got := pointers(faults); got != c.pointers {
				t.Errorf("got faults at %q, want %q: %v", got, c.pointers, faults)
			}
			if c.detail != "" && (len(faults) == 0 || !strings.Contains(faults[0].Detail, c.detail)) {
				t.Errorf("got %v, want %q", faults, c.detail)
			}
		})
	}
}

func TestCheckOutput(t *testing.T) {
	a := builtin(t, "A02")
	answer, err := a.Score(json.RawMessage(`{"product": "B"}`), tasks.Chinese)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, pointers string }{
		{"as it is", "", "", ""},
		{"a field too many", `"grade"`, `"thinking":"…","grade"`, "/thinking"},
		{"out of bounds", `"score":`, `"score":1`, "/score"},
		{"null", `"missing":`, `"missing":null,"x":`, "/missing /x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := strings.Replace(string(answer), c.old, c.new, 1)
			if got := pointers(a.CheckOutput(json.RawMessage(changed))); got != c.pointers {
				t.Errorf("got faults at %q, want %q", got, c.pointers)
			}
		})
	}
}

func TestScoreRefuses(t *testing.T) {
	a := builtin(t, "A02")
	_, err := a.Score(json.RawMessage(`{"product": 1}`), tasks.Chinese)
	if e, ok := errors.AsType[*tasks.Error](err); !ok || e.Code != tasks.CodeInvalid || pointers(e.Faults) != "/product" {
		t.Errorf("bad input: got %v", err)
	}
	if _, err := a.Score(json.RawMessage(`{"product": "B"}`), "fr"); tasks.CodeOf(err) != tasks.CodeInvalid {
		t.Errorf("bad language: got %v", err)
	}
	f := tiny()
	delete(f.files, scorecardFile)
	without, err := load(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := without.Score(json.RawMessage(`{"kind": "good"}`), tasks.Chinese); !errors.Is(err, ErrNoScorecard) {
		t.Errorf("no scorecard: got %v", err)
	}
}

func TestScoreTellsRuntimeErrorsWithTheirLine(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"index out of range", "add: 10", "add: len(input.names[7])", "scorecard.yaml:6: "},
		{"not finite", "add: 10", "add: 1 / input.count", "scorecard.yaml:6: the value is not a finite number"},
		{"too many points", "add: 10", "add: 101", "scorecard.yaml:6: a point adds 101"},
		{"wrong answer", "score: = score", "score: = input.kind", "its answer breaks the output schema"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := load(tiny().edit(t, scorecardFile, c.old, c.new))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := a.Score(json.RawMessage(`{"kind": "good"}`), tasks.Chinese); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestScoreFitsTheAnswerToTheOutputSchema(t *testing.T) {
	a, err := load(tiny())
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("名", 90)
	got, err := a.Score(json.RawMessage(`{"kind": "bad", "count": 9, "names": ["`+long+`", "b\nc", "d", "e"]}`), tasks.English)
	want := `{"score":50,"texts":["many","` + strings.Repeat("名", 19) + `…","b c!"]}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}
