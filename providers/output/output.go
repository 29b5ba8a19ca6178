// Package output extracts the JSON from what a model wrote. Models wrap it in
// reasoning, code fences and prose, which are removed. What is left must be
// exactly one complete JSON object (or array). Slips of syntax, such as an extra
// comma, are repaired; but no value is guessed, and nothing that was cut off is
// completed.
//
// The errors are written for the model, which sees them when it is asked again.
package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// The errors of Extract, for errors.Is. They are wrapped with what is wrong, and
// where.
var (
	ErrBlank     = errors.New("the answer is blank")
	ErrNoJSON    = errors.New("the answer contains no JSON object")
	ErrTruncated = errors.New("the JSON is cut off")
	ErrSyntax    = errors.New("the JSON is not valid")
	ErrAmbiguous = errors.New("the answer contains more than one JSON value")
)

// Extract returns the only JSON object in a model's text, or the only array if
// there is no object. It drops reasoning in <think> tags, code fences and prose,
// and repairs near-JSON. Duplicate keys, NaN and stray brackets are errors.
func Extract(raw string) (json.RawMessage, error) {
	if !utf8.ValidString(raw) {
		return nil, fmt.Errorf("%w: it is not UTF-8", ErrSyntax)
	}
	text, _ := Split(strings.TrimPrefix(raw, "\ufeff"))
	if strings.TrimSpace(text) == "" {
		return nil, ErrBlank
	}
	found, err := values(text)
	if err != nil {
		return nil, err
	}
	one, err := only(found)
	if err != nil {
		return nil, err
	}
	if err := checkKeys(one); err != nil {
		return nil, err
	}
	return one, nil
}

// only returns the only object, or the only array if there is no object.
func only(found []json.RawMessage) (json.RawMessage, error) {
	var objects []json.RawMessage
	for _, v := range found {
		if v[0] == '{' {
			objects = append(objects, v)
		}
	}
	if len(objects) > 0 {
		found = objects
	}
	switch len(found) {
	case 0:
		return nil, ErrNoJSON
	case 1:
		return found[0], nil
	default:
		return nil, fmt.Errorf("%w: want one, got %d", ErrAmbiguous, len(found))
	}
}

// values returns the JSON objects and arrays in text that are not inside one
// another, in order.
func values(text string) ([]json.RawMessage, error) {
	var found []json.RawMessage
	for at := 0; ; {
		next := strings.IndexAny(text[at:], "{}[]")
		if next < 0 {
			return found, nil
		}
		at += next
		if text[at] == '}' || text[at] == ']' {
			return nil, fmt.Errorf("%w: stray %q at %s", ErrSyntax, text[at], position(text, at))
		}
		value, err := first(text[at:])
		if err == nil {
			found = append(found, value)
			at += len(value)
			continue
		}
		skip := proseBrackets(text[at:])
		if skip == 0 {
			why := explain(text, at, err)
			if value, skip = repairSyntax(text[at:], why); skip == 0 {
				return nil, why
			}
			found = append(found, value)
		}
		at += skip
	}
}

// repairSyntax repairs the JSON that text begins with, unless it was cut off. It
// returns the length of what it repaired, or 0.
func repairSyntax(text string, why error) (json.RawMessage, int) {
	if errors.Is(why, ErrTruncated) {
		return nil, 0
	}
	value, length, ok := repair(text)
	if !ok {
		return nil, 0
	}
	return value, length
}

// first decodes the JSON value that text begins with.
func first(text string) (json.RawMessage, error) {
	var v json.RawMessage
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&v); err != nil {
		return nil, err
	}
	return v, nil
}

// proseBrackets returns the length of a bracketed remark in prose ("[see note]",
// "{customer}") that text begins with, or 0 if it looks like broken JSON: if
// something JSON-like is inside the brackets.
func proseBrackets(text string) int {
	closing := map[byte]byte{'{': '}', '[': ']'}[text[0]]
	end := strings.IndexByte(text, closing)
	if end < 0 || strings.ContainsAny(text[1:end], "{[\"“") || text[0] == '{' && strings.ContainsAny(text[1:end], ":：") {
		return 0
	}
	return end + 1
}

// explain returns an error that says where and how the JSON at start is broken.
func explain(text string, start int, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it begins at %s and never ends", ErrTruncated, position(text, start))
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		at := start + max(int(syntax.Offset)-1, 0)
		return fmt.Errorf("%w: %s at %s", ErrSyntax, syntax.Error(), position(text, at))
	}
	return fmt.Errorf("%w: %w", ErrSyntax, err)
}

// nearby is how many bytes of the text are quoted on each side of an error.
const nearby = 24

// position describes a byte offset: line, column, and the text around it.
func position(text string, at int) string {
	at = min(at, len(text))
	line := 1 + strings.Count(text[:at], "\n")
	column := 1 + utf8.RuneCountInString(text[strings.LastIndexByte(text[:at], '\n')+1:at])
	from, to := max(at-nearby, 0), min(at+nearby, len(text))
	return fmt.Sprintf("line %d, column %d, near %q", line, column, strings.ToValidUTF8(text[from:to], ""))
}
