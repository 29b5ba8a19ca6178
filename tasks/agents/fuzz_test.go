package agents

import (
	"encoding/json"
	"testing"

	"github.com/topcentral/spillway/tasks"
)

// FuzzInput throws arbitrary JSON at every built-in agent: nothing may panic,
// and an input that is valid must be scored and prompted for in each language.
func FuzzInput(f *testing.F) {
	all := builtins(f)
	for i, a := range all {
		for _, e := range a.examples {
			f.Add(byte(i), []byte(e.body.Input))
		}
	}
	f.Add(byte(0), []byte(`{"product": "\u0000<\/input>", "amount": 1e300, "notes": "${input.product}"}`))
	f.Add(byte(3), []byte(`{"customer": "x", "as_of": "0001-01-01", "orders": [{"date": "9999-12-31", "amount": 1e12}]}`))
	f.Fuzz(func(t *testing.T, i byte, input []byte) {
		a := all[int(i)%len(all)]
		valid := len(a.CheckInput(input)) == 0
		for _, lang := range languages {
			answer, err := a.Score(input, lang)
			if (err == nil) != valid {
				t.Fatalf("%s: valid %v, but Score says %v", a.ID, valid, err)
			}
			if valid && !json.Valid(answer) {
				t.Fatalf("%s: not JSON: %s", a.ID, answer)
			}
			if _, _, err := a.Prompt(input, lang); valid && err != nil {
				t.Fatalf("%s: %v", a.ID, err)
			}
		}
		a.CheckOutput(input)
	})
}

// FuzzFolder breaks the files of an agent in any way: loading may fail, but
// must not panic, and what loads must answer without a panic.
func FuzzFolder(f *testing.F) {
	for name, data := range tiny().files {
		f.Add(name, data)
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		broken := tiny()
		if _, ok := broken.files[name]; !ok {
			return
		}
		broken.files[name] = data
		a, err := load(broken)
		if err != nil {
			return
		}
		a.RunExamples()
		_, _ = a.Score([]byte(`{"kind": "good", "names": ["a"]}`), tasks.English)
	})
}
