package output_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/topcentral/spillway/providers/output"
)

func TestExtract(t *testing.T) {
	for _, c := range []struct{ name, raw, want string }{
		{"bare", `{"a":1}`, `{"a":1}`},
		{"white space and a byte order mark", "\ufeff \n{\"a\":1}\n ", `{"a":1}`},
		{"a code fence", "```json\n{\"a\":1}\n```", `{"a":1}`},
		{"prose around it", "好的,结果如下:\n{\"a\":1}\n希望有帮助!", `{"a":1}`},
		{"prose and a fence", "Sure! Here it is:\n\n```\n{\"a\": {\"b\": [1]}}\n```\nDone.", `{"a": {"b": [1]}}`},
		{"reasoning before it", "<think>\nMaybe {\"a\":0}? No.\n</think>\n{\"a\":1}", `{"a":1}`},
		{"reasoning without its opening tag", "Maybe {\"a\":0}? No.\n</think>\n\n{\"a\":1}", `{"a":1}`},
		{"two blocks of reasoning", "<think>one</think>\n<think>two</think>{\"a\":1}", `{"a":1}`},
		{"a tag inside a string", `{"a":"use </think> to close"}`, `{"a":"use </think> to close"}`},
		{"an array", `Here: [{"a":1},{"a":2}]`, `[{"a":1},{"a":2}]`},
		{"an object beside a citation", `As in [1], the answer is {"a":1} [2, 3].`, `{"a":1}`},
		{"asides in brackets", `For {customer} [see note]: {"a":1}`, `{"a":1}`},
		{"brackets inside strings", `{"a":"}]{["}`, `{"a":"}]{["}`},
		{"empty", `{}`, `{}`},
		{"the same key in two objects", `{"a":{"k":1},"b":{"k":2},"c":[{"k":3}]}`, `{"a":{"k":1},"b":{"k":2},"c":[{"k":3}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := output.Extract(c.raw)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestExtractRefuses(t *testing.T) {
	for _, c := range []struct {
		name, raw string
		want      error
		says      string // what the model must learn from it
	}{
		{"nothing", "", output.ErrBlank, ""},
		{"white space", " \n\t", output.ErrBlank, ""},
		{"reasoning only", "<think>hm</think>", output.ErrBlank, ""},
		{"reasoning that never ends", `<think>so {"a":1} it`, output.ErrBlank, ""},
		{"prose", "I am sorry, I cannot.", output.ErrNoJSON, ""},
		{"a string", `"A"`, output.ErrNoJSON, ""},
		{"cut off", `{"a":1,"b":[1,2`, output.ErrTruncated, "line 1, column 1"},
		{"cut off behind a complete part", `{"a":{"b":1}`, output.ErrTruncated, ""},
		{"an array cut off behind a complete part", `[{"a":1},{"a":2}`, output.ErrTruncated, ""},
		{"cut off inside a string", `{"a":"b`, output.ErrTruncated, ""},
		{"cut off inside a fence", "```json\n{\"a\":", output.ErrTruncated, "line 2, column 1"},
		{"cut off behind an answer", `{"a":1} {"a":`, output.ErrTruncated, ""},
		{"an inner object of a broken one", `{"a":1,, "b":{"c":2}}`, output.ErrSyntax, "line 1, column 8"},
		{"NaN", `{"a":NaN}`, output.ErrSyntax, "invalid character 'N'"},
		{"Infinity", `{"a":-Infinity}`, output.ErrSyntax, ""},
		{"a stray bracket behind it", `{"a":1}}`, output.ErrSyntax, "stray '}'"},
		{"a stray bracket before it", `] {"a":1}`, output.ErrSyntax, "stray ']'"},
		{"a key twice", `{"a":1,"a":2}`, output.ErrSyntax, `"a" appears twice`},
		{"a key twice, deep", `{"x":[{"a":1,"b":{},"a":2}]}`, output.ErrSyntax, `"a" appears twice`},
		{"a key twice, once escaped", `{"a":1,"\u0061":2}`, output.ErrSyntax, "twice"},
		{"two objects", `{"a":1} {"a":2}`, output.ErrAmbiguous, "got 2"},
		{"two arrays", `[1] [2]`, output.ErrAmbiguous, ""},
		{"not UTF-8", "{\"a\":\"\xff\"}", output.ErrSyntax, "UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := output.Extract(c.raw)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %s and error %v, want %v", got, err, c.want)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not say %q", err, c.says)
			}
		})
	}
}

func FuzzExtract(f *testing.F) {
	for _, seed := range []string{
		`{"a":1}`, "```json\n{\"a\":[1,2]}\n```", "<think>x</think>{}", `[1] {"a":{"b":NaN}}`, `{"a":{"b":1}`,
		"好的 {\"a\":\"}\"} [note]", `{"a":1,"a":2}`, "\ufeff{}", "[[[[", `{"a":"</think>"}`,
	} {
		f.Add(seed)
	}
	for _, s := range slips {
		f.Add(s.raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := output.Extract(raw)
		if err != nil {
			if got != nil || !utf8.ValidString(err.Error()) {
				t.Errorf("%q: %q beside the error %q", raw, got, err)
			}
			return
		}
		if !json.Valid(got) {
			t.Errorf("%q, out of %q, is not JSON", got, raw)
		}
		// What was found stands by itself, and any piece of it does not: no
		// answer that was cut off is ever accepted as a smaller one.
		if again, err := output.Extract(string(got)); err != nil || string(again) != string(got) {
			t.Errorf("%q alone gives %q, %v", got, again, err)
		}
		if cut, err := output.Extract(string(got[:len(got)-1])); err == nil {
			t.Errorf("%q without its end gives %q", got, cut)
		}
	})
}
