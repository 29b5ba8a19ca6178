package agents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fileError says where in an agent's folder something is wrong.
type fileError struct {
	file string
	line int // from 1; 0: the file as a whole
	err  error
}

func (e *fileError) Error() string {
	if e.line == 0 {
		return fmt.Sprintf("%s: %v", e.file, e.err)
	}
	return fmt.Sprintf("%s:%d: %v", e.file, e.line, e.err)
}

func (e *fileError) Unwrap() error { return e.err }

// errorAt formats a fileError.
func errorAt(file string, line int, format string, args ...any) error {
	return &fileError{file: file, line: line, err: fmt.Errorf(format, args...)}
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)

// yamlErrors turns what the yaml package says into one fileError per problem.
func yamlErrors(file string, err error) error {
	lines := []string{err.Error()}
	if typed, ok := errors.AsType[*yaml.TypeError](err); ok {
		lines = typed.Errors
	}
	all := make([]error, 0, len(lines))
	for _, text := range lines {
		line := 0
		if m := yamlLine.FindStringSubmatch(text); m != nil {
			line, _ = strconv.Atoi(m[1]) // the pattern matched digits
			text = m[2]
			if strings.HasPrefix(text, "did not find expected") {
				line++ // the package counts from 0 where its parser gives up
			}
		}
		if field, ok := strings.CutPrefix(text, "field "); ok {
			name, _, _ := strings.Cut(field, " ")
			text = fmt.Sprintf("unknown field %q", name)
		}
		all = append(all, errorAt(file, line, "%s", text))
	}
	return errors.Join(all...)
}

// decodeYAML decodes data strictly into v: a field that v does not have is an
// error with its line.
func decodeYAML(file string, data []byte, v any) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(v); err != nil {
		return yamlErrors(file, err)
	}
	return nil
}

// decodeJSON decodes data strictly into v, as decodeYAML does.
func decodeJSON(file string, data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil && dec.More() {
		err = errors.New("more than one JSON value")
	}
	if err == nil {
		return nil
	}
	offset := dec.InputOffset()
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset
	}
	if typed, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = typed.Offset
	}
	return errorAt(file, lineOf(data, offset), "%s", strings.TrimPrefix(err.Error(), "json: "))
}

// lineOf returns the line, from 1, of the byte at offset.
func lineOf(data []byte, offset int64) int {
	offset = min(max(offset, 0), int64(len(data)))
	return 1 + bytes.Count(data[:offset], []byte("\n"))
}

// lineAt returns the line on which the value at path begins in a JSON
// document, or the line of the nearest value around it that exists.
func lineAt(data []byte, path []string) int {
	dec := json.NewDecoder(bytes.NewReader(data))
	line := 1
	for _, step := range path {
		open, err := dec.Token()
		if err != nil || !seek(dec, open, step) {
			break
		}
		line = lineOf(data, dec.InputOffset())
	}
	return line
}

// seek moves dec, which has just read open, to the value of key or index step.
func seek(dec *json.Decoder, open json.Token, step string) bool {
	if open != json.Delim('{') && open != json.Delim('[') {
		return false
	}
	for i := 0; dec.More(); i++ {
		name := strconv.Itoa(i)
		if open == json.Delim('{') {
			key, err := dec.Token()
			if err != nil {
				return false
			}
			name, _ = key.(string)
		}
		if name == step {
			return true
		}
		var skipped json.RawMessage
		if dec.Decode(&skipped) != nil {
			return false
		}
	}
	return false
}
