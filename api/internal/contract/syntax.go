package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/topcentral/spillway/tasks"
)

// What a body may not exceed, whatever its schema allows. Readers differ in how
// they take what lies beyond, or take long to take it.
const (
	MaxDepth  = 64  // arrays and objects within each other
	maxNumber = 100 // characters of a number
	// Each value takes 50 to 100 times the memory of its two bytes, and no schema of
	// an agent has use for more in one input.
	MaxValues = 20_000
	// MaxBatchValues is for all submissions of a batch together: they are in memory
	// side by side.
	MaxBatchValues = 100_000
)

// readJSON returns the value of raw as schemas want it, with numbers as
// [json.Number], if raw is one JSON text that every reader takes alike: UTF-8, no
// name twice in an object, no number beyond a float64, no deep nesting.
func readJSON(raw []byte) (any, error) { return readLevels(raw, MaxDepth+1, MaxValues) }

// readLevels is readJSON of so many levels of raw. A value below them is null, and
// need only be JSON; it counts towards the most values that there may be.
func readLevels(raw []byte, levels, most int) (any, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, tasks.Errorf(tasks.CodeInvalid, "The request body is empty; send JSON.")
	}
	if bytes.HasPrefix(raw, []byte("\ufeff")) {
		return nil, tasks.Errorf(tasks.CodeInvalid, "The request body begins with a byte order mark (EF BB BF); send it without.")
	}
	if !utf8.Valid(raw) {
		return nil, tasks.Errorf(tasks.CodeInvalid, "The request body is not valid UTF-8.")
	}
	if !json.Valid(raw) {
		return nil, notJSON(raw)
	}
	r := reader{text: raw, levels: levels, most: most}
	v, err := r.value()
	if len(r.faults) > 0 {
		return nil, Invalid(r.faults)
	}
	if err != nil {
		return nil, tasks.Errorf(tasks.CodeInvalid, "The request body is not JSON.").WithCause(err)
	}
	return v, nil
}

// notJSON tells where a text stops to be JSON.
func notJSON(raw []byte) error {
	var whole json.RawMessage
	err := json.Unmarshal(raw, &whole)
	at := int64(0)
	if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = bad.Offset
	}
	return tasks.Errorf(tasks.CodeInvalid, "The request body is not JSON: %v (at byte %d).", err, at)
}

var errEnoughFaults = errors.New("enough faults")

// reader builds the value of a text that is known to be JSON, and collects
// faults. It does in one pass what a decoder, which drops a name that comes
// twice, cannot do by itself.
type reader struct {
	text   []byte
	at     int      // where the rest of text begins
	path   []string // of the value at hand
	levels int      // that are read
	values int      // so far
	most   int      // values
	faults []tasks.Fault
}

// peek returns the first byte of the next token; 0 at the end.
func (r *reader) peek() byte {
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
		default:
			return c
		}
	}
	return 0
}

// member reads the next value, which is called name in what holds it.
func (r *reader) member(name string) (any, error) {
	r.path = append(r.path, name)
	v, err := r.value()
	r.path = r.path[:len(r.path)-1]
	return v, err
}

// value reads the next value.
func (r *reader) value() (any, error) {
	if len(r.path) >= r.levels {
		return nil, r.skip()
	}
	if err := r.count(); err != nil {
		return nil, err
	}
	switch r.peek() {
	case '{', '[':
		if len(r.path) >= MaxDepth {
			_ = r.fault("is nested too deep; %d levels are the limit", MaxDepth)
			return nil, errEnoughFaults // the rest may be as deep again
		}
		r.at++
		if r.text[r.at-1] == '{' {
			return r.object()
		}
		return r.array()
	case '"':
		return r.string()
	case 't':
		r.at += len("true")
		return true, nil
	case 'f':
		r.at += len("false")
		return false, nil
	case 'n':
		r.at += len("null")
		return nil, nil //nolint:nilnil // that is what null is
	}
	return r.number()
}

// object reads the rest of an object.
func (r *reader) object() (any, error) {
	members := make(map[string]any)
	for r.peek() != '}' {
		name, err := r.string()
		if err != nil {
			return nil, err
		}
		v, err := r.member(name)
		if err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice {
			if err := r.fault("has %q more than once", name); err != nil {
				return nil, err
			}
		}
		members[name] = v
	}
	r.at++
	return members, nil
}

// array reads the rest of an array.
func (r *reader) array() (any, error) {
	elements := []any{}
	for r.peek() != ']' {
		v, err := r.member(strconv.Itoa(len(elements)))
		if err != nil {
			return nil, err
		}
		elements = append(elements, v)
	}
	r.at++
	return elements, nil
}

// string reads the string that begins at the next token.
func (r *reader) string() (text string, err error) {
	r.peek()
	raw, plain := r.quoted()
	if plain {
		return string(raw[1 : len(raw)-1]), nil
	}
	err = json.Unmarshal(raw, &text)
	return text, err
}

// quoted passes the string that begins here, and returns it with its quotes. It is
// plain if nothing in it is escaped.
func (r *reader) quoted() (raw []byte, plain bool) {
	end, plain := r.at+1, true
	for ; r.text[end] != '"'; end++ {
		if r.text[end] == '\\' {
			plain = false
			end++
		}
	}
	raw = r.text[r.at : end+1]
	r.at = end + 1
	return raw, plain
}

// bare passes the number or the word that begins here.
func (r *reader) bare() []byte {
	rest := r.text[r.at:]
	if end := bytes.IndexAny(rest, ",]} \t\r\n"); end >= 0 {
		rest = rest[:end]
	}
	r.at += len(rest)
	return rest
}

// skip passes the next value.
func (r *reader) skip() error {
	for depth := 0; ; {
		switch r.peek() {
		case '{', '[':
			depth++
			r.at++
		case '}', ']':
			r.at++
			if depth--; depth == 0 {
				return nil
			}
			continue
		case '"':
			r.quoted()
		default:
			r.bare()
		}
		if err := r.count(); err != nil {
			return err
		}
		if depth == 0 {
			return nil
		}
	}
}

// count counts a value, or returns errEnoughFaults when there are too many.
func (r *reader) count() error {
	if r.values++; r.values <= r.most {
		return nil
	}
	r.faults = append(r.faults, tasks.Fault{Detail: fmt.Sprintf("holds more than %d values", r.most)})
	return errEnoughFaults
}

// number reads the number that begins at the next token.
func (r *reader) number() (any, error) {
	if n := string(r.bare()); tame(n) {
		return json.Number(n), nil
	}
	return nil, r.fault("is a number out of range; send one that a 64-bit float can hold, of %d characters at most", maxNumber)
}

// fault notes a fault of the value at hand, and returns errEnoughFaults when
// there are enough.
func (r *reader) fault(format string, args ...any) error {
	r.faults = append(r.faults, tasks.Fault{Pointer: pointer(r.path...), Detail: fmt.Sprintf(format, args...)})
	if len(r.faults) >= MaxFaults {
		return errEnoughFaults
	}
	return nil
}

// tame reports whether a number fits a float64, neither too large nor so small
// that it vanishes. Schema checks calculate exactly, and 1e-999999 costs them a
// million digits.
func tame(number string) bool {
	if len(number) > maxNumber {
		return false
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return false
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(number), "e")
	return f != 0 || strings.Trim(mantissa, "-0.") == ""
}
