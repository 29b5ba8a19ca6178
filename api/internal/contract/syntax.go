package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/topcentral/spillway/tasks"
)

// What a body may not exceed, whatever its schema allows. JSON readers disagree
// about what lies beyond, or need long for it.
const (
	MaxDepth  = 64  // arrays and objects within each other
	maxNumber = 100 // characters of a number
	// MaxValues is how many values a body may have: each takes 50 to 100 times the
	// memory of its two bytes, and no agent's schema has use for more in one input.
	MaxValues = 20_000
	// MaxBatchValues is how many values all submissions of a batch may have together.
	MaxBatchValues = 100_000
)

// parse returns the value of raw in the form that schemas expect, with numbers as
// [json.Number], if raw is one JSON text that all readers understand alike: in
// UTF-8, no name twice in an object, no number beyond a float64, no deep nesting.
// It stops at the first fault.
func parse(raw []byte) (any, error) {
	p := parser{levels: MaxDepth + 1, most: MaxValues}
	return p.parse(raw)
}

// parser builds a value from tokens.
type parser struct {
	tokens *jsontext.Decoder
	raw    []byte
	levels int               // that are built; values below them are nil
	most   int               // values
	values int               // so far
	below  []json.RawMessage // the values below levels, in order
}

func (p *parser) parse(raw []byte) (any, error) {
	switch {
	case len(bytes.TrimSpace(raw)) == 0:
		return nil, tasks.Errorf(tasks.CodeInvalid, "The request body is empty; send JSON.")
	case bytes.HasPrefix(raw, []byte("\ufeff")):
		return nil, tasks.Errorf(tasks.CodeInvalid, "The request body begins with a byte order mark (EF BB BF); send it without.")
	case !utf8.Valid(raw):
		return nil, tasks.Errorf(tasks.CodeInvalid, "The request body is not valid UTF-8.")
	}
	// Names are compared here, where they are kept anyway, so that a name which comes
	// twice in one submission does not affect the batch. Half surrogates in escapes are
	// accepted, since JavaScript sends them; they become U+FFFD.
	p.raw = raw
	p.tokens = jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	v, err := p.value()
	if err == nil {
		_, err = p.tokens.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return v, nil
		case err == nil:
			return nil, tasks.Errorf(tasks.CodeInvalid, "The request body is not JSON: there is more text after its value, before byte %d.", p.tokens.InputOffset())
		}
	}
	if _, ok := errors.AsType[*tasks.Error](err); ok {
		return nil, err
	}
	return nil, notJSON(raw, err)
}

// notJSON reports where a text stops being JSON.
func notJSON(raw []byte, err error) error {
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok || errors.Is(err, io.ErrUnexpectedEOF) {
		return tasks.Errorf(tasks.CodeInvalid, "The request body is not JSON: it ends too early, at byte %d.", len(raw)).WithCause(err)
	}
	return tasks.Errorf(tasks.CodeInvalid, "The request body is not JSON: %v, at byte %d.", syntax.Err, syntax.ByteOffset).WithCause(err)
}

// value reads the next value.
func (p *parser) value() (any, error) {
	if p.tokens.StackDepth() >= p.levels {
		return nil, p.keep()
	}
	token, err := p.next()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '{':
		return p.object()
	case '[':
		return p.array()
	case '"':
		return token.String(), nil
	case '0':
		number := token.String()
		if !inRange(number) {
			return nil, p.fault("is a number out of range; send one that a 64-bit float can hold, of at most %d characters", maxNumber)
		}
		return json.Number(number), nil
	case 'n':
		return nil, nil //nolint:nilnil // null
	}
	return token.Bool(), nil
}

// next reads the next token, a name or the beginning of a value, and counts values.
func (p *parser) next() (jsontext.Token, error) {
	kind, length := p.tokens.StackIndex(p.tokens.StackDepth())
	if isName := kind == '{' && length%2 == 0; !isName {
		p.values++
	}
	if p.values > p.most {
		return jsontext.Token{}, Invalid([]tasks.Fault{{Detail: fmt.Sprintf("has more than %d values; send fewer", p.most)}})
	}
	token, err := p.tokens.ReadToken()
	if err == nil && p.levels > MaxDepth && p.tokens.StackDepth() > MaxDepth {
		err = p.fault("is nested too deeply; at most %d levels are allowed", MaxDepth)
	}
	return token, err
}

// object reads the rest of an object.
func (p *parser) object() (any, error) {
	members := make(map[string]any)
	for p.tokens.PeekKind() != '}' {
		token, err := p.next()
		if err != nil {
			return nil, err
		}
		name := token.String()
		if _, twice := members[name]; twice {
			return nil, p.fault("is in its object more than once")
		}
		if members[name], err = p.value(); err != nil {
			return nil, err
		}
	}
	_, err := p.tokens.ReadToken()
	return members, err
}

// array reads the rest of an array.
func (p *parser) array() (any, error) {
	elements := []any{}
	for p.tokens.PeekKind() != ']' {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		elements = append(elements, v)
	}
	_, err := p.tokens.ReadToken()
	return elements, err
}

// keep skips the next value, counts the values in it, and keeps its text.
func (p *parser) keep() error {
	start, depth := p.tokens.InputOffset(), p.tokens.StackDepth()
	for first := true; first || p.tokens.StackDepth() > depth; first = false {
		switch p.tokens.PeekKind() {
		case '}', ']':
			if _, err := p.tokens.ReadToken(); err != nil {
				return err
			}
			continue
		}
		if _, err := p.next(); err != nil {
			return err
		}
	}
	p.below = append(p.below, bytes.TrimLeft(p.raw[start:p.tokens.InputOffset()], " \t\r\n,:"))
	return nil
}

// fault returns the error for the value that was read last.
func (p *parser) fault(format string, args ...any) error {
	return Invalid([]tasks.Fault{{Pointer: string(p.tokens.StackPointer()), Detail: fmt.Sprintf(format, args...)}})
}

// inRange reports whether a number fits a float64, neither too large nor so small
// that it becomes zero. Schema checks calculate exactly, and 1e-999999 costs them
// a million digits.
func inRange(number string) bool {
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
