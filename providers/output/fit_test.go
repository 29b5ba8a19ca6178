package output

import (
	"encoding/json"
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
		{"no number in quotes", `{"grade":"A","score":"72 %"}`, `{"grade":"A","score":"72 %"}`},
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
