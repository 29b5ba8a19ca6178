package agents

import (
	"encoding/json"
	"testing"

	"github.com/topcentral/spillway/tasks"
)

// FuzzInput throws arbitrary JSON at every built-in agent: nothing may panic,
// and an input that is valid must be scored and prompted for in each language.
// Decoded before, it is judged the same.
func FuzzInput(f *testing.F) {
	all := builtins(f)
	for i, a := range all {
		for _, e := range a.examples {
			f.Add(byte(i), []byte(e.body.Input))
		}
	}
	f.Add(byte(0), []byte(`{"product": "\u0000<\/input>", "amount": 1e300, "notes": "${input.product}"}`))
	f.Add(byte(3), []byte(`{"customer": "x", "as_of": "0001-01-01", "orders": [{"date": "9999-12-31", "amount": 1e12}]}`))
	f.Add(byte(0), []byte(`{"product": "x", "amount": 1e999}`))
	f.Fuzz(func(t *testing.T, i byte, input []byte) {
		a := all[int(i)%len(all)]
		faults := a.CheckInput(input)
		valid := len(faults) == 0
		if decoded, err := Decode(input); err == nil {
			if got := a.CheckDecoded(decoded); len(got) != len(faults) {
				t.Fatalf("%s: decoded before, %s has the faults %v, else %v", a.ID, input, got, faults)
			}
		} else if valid {
			t.Fatalf("%s: valid, but not decoded: %v", a.ID, err)
		}
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
