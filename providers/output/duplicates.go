package output

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// scope is one object or array that is open while the tokens are walked.
type scope struct {
	keys  map[string]bool // nil in an array
	value bool            // in an object: the next token is a value
}

// checkKeys returns an error for a key that appears twice in one object, since
// decoders disagree about which value counts.
func checkKeys(v json.RawMessage) error {
	dec := json.NewDecoder(bytes.NewReader(v))
	dec.UseNumber()
	var open []*scope
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrSyntax, err)
		}
		if d, ok := token.(json.Delim); ok {
			open = push(open, d)
			continue
		}
		if key, twice := addKey(open, token); twice {
			return fmt.Errorf("%w: the key %q appears twice in one object", ErrSyntax, key)
		}
	}
}

// push opens or closes a scope. For the enclosing scope, a value that is an object
// or array is complete when it is opened.
func push(open []*scope, d json.Delim) []*scope {
	if d == '}' || d == ']' {
		return open[:len(open)-1]
	}
	if len(open) > 0 {
		open[len(open)-1].value = false
	}
	s := &scope{}
	if d == '{' {
		s.keys = make(map[string]bool)
	}
	return append(open, s)
}

// addKey records a token in the innermost scope, and reports a key seen before.
func addKey(open []*scope, token json.Token) (key string, twice bool) {
	s := open[len(open)-1]
	if s.keys == nil {
		return "", false
	}
	if s.value {
		s.value = false
		return "", false
	}
	key, _ = token.(string)
	twice = s.keys[key]
	s.keys[key], s.value = true, true
	return key, twice
}
