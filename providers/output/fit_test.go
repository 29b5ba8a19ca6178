package output

import (
	"encoding/json"
	"reflect"
	"testing"
)

const fitSchema = `{
	"type": "object", "additionalProperties": false, "required": ["score", "grade"],
	"properties": {
		"score": {"type": "integer"}, "grade": {"enum": ["A", "B"]}, "sure": {"type": "boolean"}, "note": {"type": ["string", "null"]},
		"drivers": {"type": "array", "items": {"$ref": "#/$defs/driver"}}, "free": {"type": "object"}, "any": {"type": ["string", "number"]}
	},
	"$defs": {"driver": {"type": "object", "additionalProperties": false, "properties": {"weight": {"type": "number"}, "text": {"type": "string"}}}}
}`

func TestFit(t *testing.T) {
	for _, c := range []struct{ name, answer, want string }{
		{"nothing to mend", `{"grade":"A","score":72}`, `{"grade":"A","score":72}`},
		{"an object around", `{"result":{"grade":"A","score":72}}`, `{"grade":"A","score":72}`},
		{"a member too many", `{"grade":"A","score":72,"reasoning":"…"}`, `{"grade":"A","score":72}`},
		{"a number in quotes", `{"grade":"A","score":" 72 "}`, `{"grade":"A","score":72}`},
		{"no number in quotes", `{"grade":"A","score":"72 of 100"}`, `{"grade":"A","score":"72 of 100"}`},
		{"infinity is no number", `{"grade":"A","score":"Inf"}`, `{"grade":"A","score":"Inf"}`},
		{"case of an enumeration", `{"grade":" a","score":1}`, `{"grade":"A","score":1}`},
		{"a word that is none", `{"grade":"C","score":1}`, `{"grade":"C","score":1}`},
		{"a truth value in quotes", `{"sure":"True"}`, `{"sure":true}`},
		{"a text where it is wanted", `{"note":"72"}`, `{"note":"72"}`},
		{"a number as a text", `{"note":72.50}`, `{"note":"72.50"}`},
		{"either is wanted", `{"any":"72"}`, `{"any":"72"}`},
		{"within a list, by reference", `{"drivers":[{"weight":"0.5","text":1,"x":1}]}`, `{"drivers":[{"text":"1","weight":0.5}]}`},
		{"free objects stay", `{"free":{"x":"1"}}`, `{"free":{"x":"1"}}`},
		{"a large number stays exact", `{"score":12345678901234567890}`, `{"score":12345678901234567890}`},
		{"no JSON", `{`, `{`},
		{"a list", `[1]`, `[1]`},
	} {
		if got := Fit(json.RawMessage(fitSchema), json.RawMessage(c.answer)); string(got) != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestFitCorrectsOnlyWhatIsPlain has, for each kind of slip, what is corrected
// and what is too ambiguous to be.
func TestFitCorrectsOnlyWhatIsPlain(t *testing.T) {
	const schema = `{
		"type": "object", "additionalProperties": false, "required": ["score"],
		"properties": {
			"score": {"type": "integer", "minimum": 0, "maximum": 100}, "share": {"type": "number", "maximum": 1}, "amount": {"type": "number"},
			"next_actions": {"type": "array", "items": {"type": "string", "minLength": 1}},
			"risks": {"type": "array", "items": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}, "severity": {"enum": ["low", "high"]}}}},
			"pair": {"type": "array", "minItems": 2, "items": {"type": "string"}}, "weights": {"type": "array", "items": {"type": "number"}},
			"grade": {"type": "string", "enum": ["a", "A", "B"]}, "level": {"enum": [1, 2]}, "kind": {"enum": ["1", "2"]},
			"sure": {"type": "boolean"}, "note": {"type": ["string", "null"]}, "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
			"owner": {"type": "object", "properties": {"name": {"type": "string"}}}, "any": {}
		},
		"patternProperties": {"^x_": {"type": "string"}}
	}`
	const rest = `"score":1`
	for _, c := range []struct{ name, answer, want string }{
		{"a name in another case", `{"Score":1}`, `{"score":1}`},
		{"a name in another style", `{"score":1,"nextActions":["a"],"Share":0.5}`, `{"next_actions":["a"],"score":1,"share":0.5}`},
		{"a name with wide letters", `{"ｓｃｏｒｅ":1}`, `{"score":1}`},
		{"a name twice, with one value", `{"Score":1,"score":1}`, `{"score":1}`},
		{"a name twice, with two values", `{"Score":2,"score":1}`, `{"Score":2,"score":1}`},
		{"a name twice, neither right", `{"SCORE":2,"Score":1}`, `{"SCORE":2,"Score":1}`},
		{"a name that a pattern allows", `{"score":1,"x_y":"z"}`, `{"score":1,"x_y":"z"}`},
		{"a wrapper beside a renamed member", `{"result":{"Score":1}}`, `{"score":1}`},
		{"a list around the answer", `{"result":[{"score":1}]}`, `{"score":1}`},
		{"two answers", `{"result":[{"score":1},{"score":2}]}`, `{}`},

		{"a text for a list of texts", `{` + rest + `,"next_actions":"call"}`, `{"next_actions":["call"],"score":1}`},
		{"a blank for a list of texts", `{` + rest + `,"next_actions":" "}`, `{"next_actions":" ","score":1}`},
		{"a text for a list of two", `{` + rest + `,"pair":"a"}`, `{"pair":"a","score":1}`},
		{"a number for a list of numbers", `{` + rest + `,"weights":"0.5"}`, `{"score":1,"weights":[0.5]}`},
		{"a list written as a text", `{` + rest + `,"next_actions":"[\"a\",\"b\"]"}`, `{"next_actions":["a","b"],"score":1}`},
		{"an object for a list of objects", `{` + rest + `,"risks":{"text":"t","severity":"High"}}`, `{"risks":[{"severity":"high","text":"t"}],"score":1}`},
		{"an object that holds a list of objects", `{` + rest + `,"risks":{"items":[{"text":"t"}]}}`, `{"risks":{"items":[{"text":"t"}]},"score":1}`},
		{"objects by number", `{` + rest + `,"risks":{"1":{"text":"t"}}}`, `{"risks":{"1":{"text":"t"}},"score":1}`},
		{"a text for an object", `{` + rest + `,"owner":"Li"}`, `{"owner":"Li","score":1}`},
		{"an object written as a text", `{` + rest + `,"owner":"{\"name\":7}"}`, `{"owner":{"name":"7"},"score":1}`},
		{"a list of one for a value", `{"score":["7"],"note":["n"],"grade":["B"],"owner":[{"name":"x"}]}`, `{"grade":"B","note":"n","owner":{"name":"x"},"score":7}`},
		{"a list of two for a value", `{"score":[7,8]}`, `{"score":[7,8]}`},

		{"null for optional members", `{` + rest + `,"share":null,"next_actions":null,"level":null,"owner":null}`, `{"score":1}`},
		{"null where it is allowed", `{` + rest + `,"note":null,"maybe":null,"any":null}`, `{` + rest + `,"note":null,"maybe":null,"any":null}`},
		{"null for what is required", `{"score":null}`, `{"score":null}`},

		{"72%", `{"score":"72%"}`, `{"score":72}`},
		{"72%, wide", `{"score":"７２％"}`, `{"score":72}`},
		{"72% of 1", `{` + rest + `,"share":"72%"}`, `{"score":1,"share":0.72}`},
		{"72% of nobody knows what", `{` + rest + `,"amount":"72%"}`, `{"amount":"72%","score":1}`},
		{"72.0", `{"score":"72.0"}`, `{"score":72}`},
		{"72.0 as a number", `{"score":72.0}`, `{"score":72}`},
		{"72.5", `{"score":72.5}`, `{"score":72.5}`},
		{"zeros and signs", `{"score":"+072","amount":"-.50"}`, `{"amount":-0.50,"score":72}`},
		{"a minus sign", `{` + rest + `,"amount":"−3"}`, `{"amount":-3,"score":1}`},
		{"thousands", `{` + rest + `,"amount":"1,234,567.5"}`, `{"amount":1234567.5,"score":1}`},
		{"thousands or a fraction", `{` + rest + `,"amount":"1,234"}`, `{"amount":"1,234","score":1}`},
		{"an exponent alone", `{"score":"e5"}`, `{"score":"e5"}`},
		{"a unit", `{"score":"72 points"}`, `{"score":"72 points"}`},
		{"within a choice", `{` + rest + `,"maybe":"7"}`, `{"maybe":7,"score":1}`},
		{"too large to be read", `{` + rest + `,"amount":"1e999"}`, `{"amount":"1e999","score":1}`},

		{"words that differ by case only", `{` + rest + `,"grade":"A"}`, `{` + rest + `,"grade":"A"}`},
		{"one of words that differ by case only", `{` + rest + `,"grade":"Ａ"}`, `{` + rest + `,"grade":"Ａ"}`},
		{"a word with wide letters", `{` + rest + `,"grade":"ｂ"}`, `{"grade":"B","score":1}`},
		{"a number of an enumeration", `{` + rest + `,"level":"2","kind":2}`, `{"kind":"2","level":2,"score":1}`},
		{"yes", `{` + rest + `,"sure":"Yes"}`, `{"score":1,"sure":true}`},
		{"否", `{` + rest + `,"sure":"否"}`, `{"score":1,"sure":false}`},
		{"1 is no truth value", `{` + rest + `,"sure":"1"}`, `{"score":1,"sure":"1"}`},
	} {
		got := string(Fit(json.RawMessage(schema), json.RawMessage(c.answer)))
		if unchanged := sameJSON(got, c.answer) && sameJSON(c.want, c.answer); got != c.want && !unchanged {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// sameJSON reports whether two texts hold the same value; Fit returns what it
// does not change as it came.
func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func TestFitLeavesWhatIsRightAsItCame(t *testing.T) {
	const answer = `{ "score": 1.50, "grade":"A" }`
	if got := Fit(json.RawMessage(`{"type":"object","properties":{"score":{"type":"number"}}}`), json.RawMessage(answer)); string(got) != answer {
		t.Errorf("got %s", got)
	}
}

func FuzzFit(f *testing.F) {
	f.Add(`{"result":{"score":"1"}}`)
	f.Add(`{"$ref":"#/$defs/driver"}`)
	f.Fuzz(func(t *testing.T, answer string) {
		if fitted := Fit(json.RawMessage(fitSchema), json.RawMessage(answer)); json.Valid([]byte(answer)) && !json.Valid(fitted) {
			t.Errorf("%q gives %q", answer, fitted)
		}
		Fit(json.RawMessage(answer), json.RawMessage(`{"a":{"b":["1"]}}`))
	})
}
