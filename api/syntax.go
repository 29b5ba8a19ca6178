package api

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
	maxDepth  = 64  // arrays and objects within each other
	maxNumber = 100 // characters of a number
)

// checkSyntax tells whether raw is one JSON text that every reader takes alike:
// UTF-8, no name twice in an object, no number beyond a float64, no deep nesting.
func checkSyntax(raw []byte) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return tasks.Errorf(tasks.CodeInvalid, "The request body is empty; send JSON.")
	}
	if !utf8.Valid(raw) {
		return tasks.Errorf(tasks.CodeInvalid, "The request body is not valid UTF-8.")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(raw, &whole); err != nil {
		at := int64(0)
		if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = bad.Offset
		}
		return tasks.Errorf(tasks.CodeInvalid, "The request body is not JSON: %v (at byte %d).", err, at)
	}
	s := scanner{tokens: json.NewDecoder(bytes.NewReader(raw))}
	s.tokens.UseNumber()
	if err := s.value(); err != nil && !errors.Is(err, errEnoughFaults) {
		return tasks.Errorf(tasks.CodeInvalid, "The request body is not JSON.").WithCause(err)
	}
	if len(s.faults) > 0 {
		return faulty(s.faults)
	}
	return nil
}

var errEnoughFaults = errors.New("enough faults")

// scanner walks through valid JSON and collects faults.
type scanner struct {
	tokens *json.Decoder
	path   []string // of the value at hand
	faults []tasks.Fault
}

// member walks through the next value, which is called name in what holds it.
func (s *scanner) member(name string) error {
	s.path = append(s.path, name)
	err := s.value()
	s.path = s.path[:len(s.path)-1]
	return err
}

// value walks through the next value.
func (s *scanner) value() error {
	token, err := s.tokens.Token()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case json.Delim:
		if len(s.path) >= maxDepth {
			_ = s.fault("is nested too deep; %d levels are the limit", maxDepth)
			return errEnoughFaults // the rest may be as deep again
		}
		if t == '{' {
			return s.object()
		}
		return s.array()
	case json.Number:
		if !tame(t.String()) {
			return s.fault("is a number out of range; send one that a 64-bit float can hold, of %d characters at most", maxNumber)
		}
	}
	return nil
}

// object walks through the rest of an object.
func (s *scanner) object() error {
	seen := make(map[string]bool)
	for s.tokens.More() {
		token, err := s.tokens.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if err := s.member(name); err != nil {
			return err
		}
		if seen[name] {
			if err := s.fault("has %q more than once", name); err != nil {
				return err
			}
		}
		seen[name] = true
	}
	_, err := s.tokens.Token()
	return err
}

// array walks through the rest of an array.
func (s *scanner) array() error {
	for i := 0; s.tokens.More(); i++ {
		if err := s.member(strconv.Itoa(i)); err != nil {
			return err
		}
	}
	_, err := s.tokens.Token()
	return err
}

// fault notes a fault of the value at hand, and returns errEnoughFaults when
// there are enough.
func (s *scanner) fault(format string, args ...any) error {
	s.faults = append(s.faults, tasks.Fault{Pointer: pointer(s.path...), Detail: fmt.Sprintf(format, args...)})
	if len(s.faults) >= maxFaults {
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
