// Package wire reads responses of servers that follow an API only roughly: JSON
// whose members have other types than documented, and event streams with unusual
// line breaks. It reads as much as can be understood without guessing, so that a
// member that is not needed cannot spoil an answer.
package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
)

// bom is the byte order mark that some servers put before their first byte.
var bom = []byte("\ufeff")

// Decode decodes a JSON value into v. It skips members whose type does not match
// that of v, and accepts a byte order mark, Python's NaN and Infinity, and bare
// control characters in strings. It fails only if data is not JSON.
func Decode(data []byte, v any) error {
	data = bytes.TrimPrefix(data, bom)
	err := ignoreTypes(json.Unmarshal(data, v))
	if err == nil {
		return nil
	}
	if repaired, ok := repair(data); ok {
		return ignoreTypes(json.Unmarshal(repaired, v))
	}
	return err
}

func ignoreTypes(err error) error {
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return nil
	}
	return err
}

// repairable reports whether data is JSON once it is repaired.
func repairable(data []byte) bool {
	data = bytes.TrimSpace(data)
	if !bytes.HasSuffix(data, []byte("}")) && !bytes.HasSuffix(data, []byte("]")) {
		return false
	}
	repaired, changed := repair(data)
	return changed && json.Valid(repaired)
}

// repair returns data with null for NaN and Infinity outside of strings, and
// with escapes for control characters inside of them. It reports whether it has
// changed anything.
func repair(data []byte) (repaired []byte, changed bool) {
	out := make([]byte, 0, len(data)+16)
	for i := 0; i < len(data); {
		if data[i] == '"' {
			end := stringEnd(data[i:])
			for _, b := range data[i : i+end] {
				if b < ' ' {
					out, changed = append(out, `\u00`...), true
					out = append(out, "0123456789abcdef"[b>>4], "0123456789abcdef"[b&15])
					continue
				}
				out = append(out, b)
			}
			i += end
			continue
		}
		if word := notANumber(data[i:]); word > 0 {
			out, changed = append(out, "null"...), true
			i += word
			continue
		}
		out = append(out, data[i])
		i++
	}
	return out, changed
}

// stringEnd returns the length of the JSON string that data begins with.
func stringEnd(data []byte) int {
	for i := 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

// notANumber returns the length of the NaN or Infinity that data begins with.
func notANumber(data []byte) int {
	for _, word := range []string{"NaN", "-Infinity", "Infinity"} {
		if bytes.HasPrefix(data, []byte(word)) {
			return len(word)
		}
	}
	return 0
}

// Text is a text that may come as any scalar: 7 is "7", null is "". Of an object
// or a list it is "".
type Text string

// UnmarshalJSON never fails.
func (t *Text) UnmarshalJSON(raw []byte) error {
	*t = Text(TextOf(raw))
	return nil
}

// TextOf returns a scalar's text. Halves of characters in a string are kept for
// a Joiner.
func TextOf(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '"':
		return unquote(raw)
	case '{', '[', 'n':
		return ""
	}
	return string(raw)
}

// Count is a number of things that may come as 7, 7.0 or "7". Anything else, a
// negative number for instance, is 0.
type Count int

// UnmarshalJSON never fails.
func (c *Count) UnmarshalJSON(raw []byte) error {
	*c = Count(CountOf(raw))
	return nil
}

// CountOf is a Count's number.
func CountOf(raw json.RawMessage) int {
	f, err := strconv.ParseFloat(strings.TrimSpace(TextOf(raw)), 64)
	if err != nil || !(f > 0 && f <= math.MaxInt32) {
		return 0
	}
	return int(math.Round(f))
}

// List is a list of objects that may come as one object without a list around
// it. Elements that are no T are zero.
type List[T any] []T

// UnmarshalJSON never fails.
func (l *List[T]) UnmarshalJSON(raw []byte) error {
	for _, element := range Elements(raw) {
		var v T
		if Decode(element, &v) == nil {
			*l = append(*l, v)
		}
	}
	return nil
}

// Elements returns what is in a list; an object counts as a list of itself.
func Elements(raw json.RawMessage) []json.RawMessage {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return nil
	}
	if raw[0] == '{' {
		return []json.RawMessage{raw}
	}
	var list []json.RawMessage
	if raw[0] == '[' {
		_ = Decode(raw, &list)
	}
	return list
}

// Empty reports whether a value says nothing: it is missing, null, false, 0, "",
// {} or [].
func Empty(raw json.RawMessage) bool {
	switch string(bytes.Join(bytes.Fields(raw), nil)) {
	case "", "null", "false", "0", `""`, "{}", "[]":
		return true
	}
	return false
}
