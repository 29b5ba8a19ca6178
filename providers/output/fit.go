package output

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Fit corrects slips in an answer that leave no doubt about what was meant, by
// the JSON Schema that the answer must match:
//
//   - an object, or a list of one, around the answer or a value; one element
//     where a list of them is wanted
//   - a member too many, or null for an optional one
//   - a member's name, or a word of an enumeration, in another case or width
//   - a number, a truth value, an object or a list written as a text, and a
//     number where a text is wanted
//
// Where more than one reading is possible it changes nothing, so that the answer
// fails its check and the model is asked again. The result may still be invalid;
// it is answer itself if nothing was corrected.
func Fit(schema, answer json.RawMessage) json.RawMessage {
	var root, value, before any
	if json.Unmarshal(schema, &root) != nil || decodeNumbers(answer, &value) != nil || decodeNumbers(answer, &before) != nil {
		return answer
	}
	f := fitter{root}
	value = f.fit(root, f.unwrap(root, value))
	if reflect.DeepEqual(value, before) {
		return answer
	}
	fitted, err := json.Marshal(value)
	if err != nil {
		return answer
	}
	return fitted
}

func decodeNumbers(text json.RawMessage, into any) error {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	return d.Decode(into)
}

// fitter fits values to the parts of a schema.
type fitter struct{ root any }

// unwrap takes the answer out of an object that holds nothing else, such as
// {"result": …}.
func (f fitter) unwrap(schema, value any) any {
	properties := members(f.resolve(schema)["properties"])
	outer := members(value)
	if properties == nil || len(outer) != 1 {
		return value
	}
	for name, inner := range outer {
		meant := len(named(properties, name)) > 0
		if list, ok := inner.([]any); ok && len(list) == 1 {
			inner = list[0]
		}
		if !meant && members(inner) != nil {
			return inner
		}
	}
	return value
}

// fit returns what was meant by a value. It may change value in place.
func (f fitter) fit(schema, value any) any {
	s := f.resolve(schema)
	if list, ok := value.([]any); ok {
		return f.list(s, list)
	}
	if words, ok := s["enum"].([]any); ok {
		return word(words, value)
	}
	want := wanted(s)
	if object := members(value); object != nil && want != "array" {
		return f.object(s, object)
	}
	if text, ok := value.(string); ok && want != "" && want != "string" {
		value = f.text(s, want, text)
	}
	if number, ok := value.(json.Number); ok {
		value = numberFor(want, number)
	}
	if want == "array" {
		return f.wrap(s, value)
	}
	return value
}

// text returns the number, truth value, object or list that a text holds.
func (f fitter) text(s map[string]any, want, text string) any {
	switch plain := plainText(text); want {
	case "number", "integer":
		if number, ok := numberIn(s, want, plain); ok {
			return number
		}
	case "boolean":
		if b, ok := truths[strings.ToLower(plain)]; ok {
			return b
		}
	case "object", "array":
		var value any
		if decodeNumbers(json.RawMessage(text), &value) == nil && kindOf(value) == want && json.Valid([]byte(text)) {
			return f.fit(s, value)
		}
	}
	return text
}

var truths = map[string]bool{"true": true, "false": false, "yes": true, "no": false, "是": true, "否": false}

// plainText returns a text without space around it, and with the characters that
// most keyboards have.
func plainText(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(norm.NFKC.String(text), "\u2212", "-")) // the minus sign
}

// list fits the elements of a list, or takes the only element out where one
// value is wanted.
func (f fitter) list(s map[string]any, list []any) any {
	want := wanted(s)
	if want != "" && want != "array" || s["enum"] != nil {
		if len(list) == 1 && kindOf(list[0]) != "array" {
			if value := f.fit(s, list[0]); is(value, want) {
				return value
			}
		}
		return list
	}
	for i := range list {
		list[i] = f.fit(s["items"], list[i])
	}
	return list
}

// wrap returns a list with value, if value can be its only element.
func (f fitter) wrap(s map[string]any, value any) any {
	items := f.resolve(s["items"])
	least, _ := s["minItems"].(float64)
	if value == nil || kindOf(value) == "array" || items == nil || least > 1 {
		return value
	}
	element := f.fit(items, value)
	switch v := element.(type) {
	case map[string]any:
		if !describes(items, v) {
			return value
		}
	case string:
		if strings.TrimSpace(v) == "" {
			return value
		}
	}
	if want := wanted(items); want == "" && items["enum"] == nil || !is(element, want) {
		return value
	}
	return []any{element}
}

// describes reports whether an object is of the kind that a schema describes,
// and not one that holds such an object: it has a property, and all that are
// required.
func describes(s, object map[string]any) bool {
	has := func(name string) bool { _, ok := object[name]; return ok }
	known := false
	for name := range members(s["properties"]) {
		known = known || has(name)
		if required(s, name) && !has(name) {
			return false
		}
	}
	return known
}

func required(s map[string]any, name string) bool {
	names, _ := s["required"].([]any)
	return slices.Contains(names, any(name))
}

// object fits the members of an object.
func (f fitter) object(s, object map[string]any) any {
	properties := members(s["properties"])
	closed := s["additionalProperties"] == false
	spellings := map[string][]string{} // of properties that are missing, by name
	for name, value := range object {
		if _, known := properties[name]; known || patterned(s, name) {
			continue
		}
		switch meant := named(properties, name); {
		case len(meant) == 0:
			if closed {
				delete(object, name)
			}
		case len(meant) == 1 && (closed || required(s, meant[0])):
			if known, has := object[meant[0]]; !has {
				spellings[meant[0]] = append(spellings[meant[0]], name)
			} else if closed && reflect.DeepEqual(known, value) {
				delete(object, name)
			}
		}
	}
	for name, others := range spellings {
		if len(others) == 1 {
			object[name] = object[others[0]]
			delete(object, others[0])
		}
	}
	for name, value := range object {
		schema, known := properties[name]
		switch {
		case !known:
		case value == nil && !required(s, name) && !f.nullable(schema):
			delete(object, name)
		default:
			object[name] = f.fit(schema, value)
		}
	}
	return object
}

// named returns the properties that a member's name is another spelling of.
func named(properties map[string]any, name string) []string {
	var meant []string
	for property := range properties {
		if foldName(property) == foldName(name) {
			meant = append(meant, property)
		}
	}
	return meant
}

// foldName takes out of a name what differs between spellings of it: next_actions,
// nextActions, "Next Actions".
func foldName(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(plainText(name)))
}

// patterned reports whether a schema has a pattern for the names of members that
// a name matches, or may match.
func patterned(s map[string]any, name string) bool {
	for pattern := range members(s["patternProperties"]) {
		if re, err := regexp.Compile(pattern); err != nil || re.MatchString(name) {
			return true
		}
	}
	return false
}

// word returns the value of an enumeration that was meant.
func word(words []any, value any) any {
	text, ok := value.(string)
	if number, is := value.(json.Number); is {
		text, ok = number.String(), true
	}
	if !ok || slices.Contains(words, any(text)) && kindOf(value) == "string" {
		return value
	}
	var meant []any
	for _, w := range words {
		if strings.EqualFold(plainText(literal(w)), plainText(text)) {
			meant = append(meant, w)
		}
	}
	if len(meant) != 1 {
		return value
	}
	if n, ok := meant[0].(float64); ok {
		return json.Number(literal(n))
	}
	return meant[0]
}

// literal returns a scalar of a schema as it is written; "" for null.
func literal(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return ""
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(raw)
}
