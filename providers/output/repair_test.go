package output_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/topcentral/spillway/providers/output"
)

// slips are faults as models make them, and what was meant.
var slips = []struct{ name, raw, want string }{
	{"a trailing comma in an object", `{"a":1,}`, `{"a":1}`},
	{"a trailing comma in an array", `{"a":[1,2,],"b":2}`, `{"a":[1,2],"b":2}`},
	{"a missing comma between members", "{\"a\":1\n\"b\":2}", `{"a":1,"b":2}`},
	{"a missing comma behind a string", `{"a":"x" "b":"y"}`, `{"a":"x","b":"y"}`},
	{"a missing comma in an array", `{"a":["x" "y", "z"]}`, `{"a":["x","y","z"]}`},
	{"single quotes", `{'a':{'b':'c'}}`, `{"a":{"b":"c"}}`},
	{"single quotes around some keys", `{'a':{"b":1}}`, `{"a":{"b":1}}`},
	{"backquotes", "{`a`:`b`,}", `{"a":"b"}`},
	{"keys without quotes", `{score: 80, level: "A"}`, `{"score":80,"level":"A"}`},
	{"a value without quotes", `{"level":A,"score":80}`, `{"level":"A","score":80}`},
	{"a Chinese value without quotes", `{"level":高,"score":80}`, `{"level":"高","score":80}`},
	{"quotes inside a string", `{"a":"他说"好"的","b":"he said "hi" to"}`, `{"a":"他说\"好\"的","b":"he said \"hi\" to"}`},
	{"a line comment", "{\"a\":1, // one\n\"b\":2}", `{"a":1,"b":2}`},
	{"a comment with brackets and quotes", "{\"a\":1, // {\"x\"\n\"b\":2}", `{"a":1,"b":2}`},
	{"a block comment", `{"a":1 /* } */,"b":2}`, `{"a":1,"b":2}`},
	{"a comment of another language", "{\"a\":1, # 一\n\"b\":2}", `{"a":1,"b":2}`},
	{"Python's constants", `{"a":True,"b":False,"c":None}`, `{"a":true,"b":false,"c":null}`},
	{"a fence around a slip", "```json\n{\"a\":1,}\n```", `{"a":1}`},
	{"prose around a slip", "结果如下:\n{'a':1}\n以上。", `{"a":1}`},
	{"an address beside a slip", `{"a":"https://example.com/#x",}`, `{"a":"https://example.com/#x"}`},
	{"Chinese commas and colons", `{"a"：1，"b"："x"，"c"：[1，2]}`, `{"a":1,"b":"x","c":[1,2]}`},
	{"Chinese commas in texts too", `{"a"："好，很好：真的"，"b"：1}`, `{"a":"好，很好：真的","b":1}`},
	{"Chinese quotes", `{“a”：“b”，“c”：1}`, `{"a":"b","c":1}`},
	{"Chinese quotes around some strings", `{"a":“他说"好"的”,"b":1}`, `{"a":"他说\"好\"的","b":1}`},
	{"Chinese quotes inside a string", `{"a":"他说“好”，走了",}`, `{"a":"他说“好”，走了"}`},
	{"full-width braces", `{"a":｛"b":［1,2］｝}`, `{"a":{"b":[1,2]}}`},
	{"an object in an array without its opening brace", `{"l":[{"a":1},"a":2},{"a":3}]}`, `{"l":[{"a":1},{"a":2},{"a":3}]}`},
	{"the first one of them", "{\"l\":[\n\"a\":\"x\",\"b\":2},{\"a\":\"y\",\"b\":3}]}", `{"l":[{"a":"x","b":2},{"a":"y","b":3}]}`},
	{"an object in an array without its closing brace", `{"l":[{"a":1},{"a":2]}`, `{"l":[{"a":1},{"a":2}]}`},
	{"a line break inside a string", "{\"a\":\"x\ny\tz\"}", `{"a":"x\ny\tz"}`},
	{"control characters inside a string", "{\"a\":\"x\x00y\x07z\x1b\"}", `{"a":"xyz"}`},
	{"a backslash that escapes nothing", `{"a":"C:\price"}`, `{"a":"C:\\price"}`},
	{"escapes that are right", `{"a":"he said \"hi\"\n\u4e2d\\",}`, `{"a":"he said \"hi\"\n中\\"}`},
	{"an escaped apostrophe", `{'a':'it\'s'}`, `{"a":"it's"}`},
	{"strings that are added", `{"a":"x" + "y"}`, `{"a":"xy"}`},
	{"several at once", "```json\n{\n  'score': 85, // 高\n  level: \"A\"，\n  \"reasons\": [\"好\" \"大\",],\n}\n```", `{"score":85,"level":"A","reasons":["好","大"]}`},
}

func TestExtractMendsSlips(t *testing.T) {
	for _, c := range slips {
		t.Run(c.name, func(t *testing.T) {
			got, err := output.Extract(c.raw)
			if err != nil {
				t.Fatal(err)
			}
			var have, want any
			if err := errors.Join(json.Unmarshal(got, &have), json.Unmarshal([]byte(c.want), &want)); err != nil {
				t.Fatalf("%s: %v", got, err)
			}
			if !reflect.DeepEqual(have, want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestNothingThatWasCutOffIsMended cuts every slip off at every position before its
// end.
func TestNothingThatWasCutOffIsMended(t *testing.T) {
	for _, c := range slips {
		t.Run(c.name, func(t *testing.T) {
			end := strings.LastIndexAny(c.raw, "}]")
			for cut := range end {
				if got, err := output.Extract(c.raw[:cut]); err == nil {
					t.Errorf("%q gives %s", c.raw[:cut], got)
				}
			}
		})
	}
}

func TestExtractDoesNotGuess(t *testing.T) {
	for _, c := range []struct{ name, raw string }{
		{"a value that has lost its end", `{"a":"b, "c":1}`},
		{"a value that is missing", `{"a":,"b":1}`},
		{"the last value is missing", `{"a":1,"b":}`},
		{"a comma twice in an array", `{"a":[1,,2]}`},
		{"no number", `{"a":NaN,}`},
		{"an array that has lost its end", `{"a":[1,2,"b":3}`},
		{"two that were meant to be one", `{'a':1} {'b':2}`},
		{"a slip and a key twice", `{'a':1,'a':2}`},
		{"a slip and a stray bracket", `{'a':1}]`},
		{"a string without an end", `{'a':'it}`},
		{"a comment without an end", `{"a":1, /* }`},
		{"prose in braces", `{see the note: it says so`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := output.Extract(c.raw); err == nil {
				t.Errorf("%s gives %s", c.raw, got)
			}
		})
	}
}
