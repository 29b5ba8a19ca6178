package agents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/topcentral/spillway/tasks"
)

// maxDepth bounds how deep a schema may nest, and so every walk over it.
const maxDepth = 8

// schema is one of an agent's two JSON Schemas: what its author wrote, and
// the same compiled.
type schema struct {
	source   json.RawMessage
	compiled *jsonschema.Schema
}

// loadSchema compiles one schema file. References may only point inside the
// file, and format keywords are asserted.
func loadSchema(f *folder, name string) (*schema, error) {
	data, err := f.need(name)
	if err != nil {
		return nil, err
	}
	file := f.shown(name)
	var source json.RawMessage
	if err := decodeJSON(file, data, &source); err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, errorAt(file, 0, "%w", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(noLoader{})
	url := "agent:" + name
	if err := c.AddResource(url, doc); err != nil {
		return nil, errorAt(file, 0, "%w", err)
	}
	compiled, err := c.Compile(url)
	if err != nil {
		return nil, schemaError(file, data, err)
	}
	if t := typeOf(compiled); t != "object" {
		return nil, errorAt(file, 1, `the schema must have "type": "object"`)
	}
	if err := checkDepth(compiled, 0); err != nil {
		return nil, errorAt(file, 1, "%w", err)
	}
	return &schema{source: source, compiled: compiled}, nil
}

// noLoader refuses every reference that leaves the file.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is outside the file; only references such as #/$defs/name are followed", url)
}

// schemaError describes where a schema breaks the rules of JSON Schema.
func schemaError(file string, data []byte, err error) error {
	if e, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		err = e.Err // it has no Unwrap
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return errorAt(file, schemaLine(data, err), "%w", err)
	}
	var errs []error
	seen := map[string]bool{}
	for _, leaf := range ruleLeaves(invalid) {
		at := pointer(leaf.InstanceLocation)
		if !seen[at] && len(errs) < maxFaults {
			errs = append(errs, errorAt(file, lineAt(data, leaf.InstanceLocation), "%s: %s", at, leaf.ErrorKind.LocalizedString(printer)))
		}
		seen[at] = true
	}
	return errors.Join(errs...)
}

// ruleLeaves are the errors about a schema that have no finer cause. Of a choice
// the first branch is the one that its author meant.
func ruleLeaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	causes := e.Causes
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		causes = causes[:1]
	}
	var all []*jsonschema.ValidationError
	for _, c := range causes {
		all = append(all, ruleLeaves(c)...)
	}
	return all
}

// schemaLine finds the line an error names only by a URL with a pointer.
func schemaLine(data []byte, err error) int {
	url := ""
	if e, ok := errors.AsType[*jsonschema.InvalidRegexError](err); ok {
		url = e.URL
	}
	if e, ok := errors.AsType[*jsonschema.JSONPointerNotFoundError](err); ok {
		url = e.URL
	}
	_, fragment, _ := strings.Cut(url, "#/")
	return lineAt(data, strings.Split(fragment, "/"))
}

// checkDepth refuses a schema that nests too deep, or into itself.
func checkDepth(s *jsonschema.Schema, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("the schema nests deeper than %d levels, or into itself", maxDepth)
	}
	for s.Ref != nil {
		s, depth = s.Ref, depth+1
		if depth > maxDepth {
			return errors.New("the schema refers to itself")
		}
	}
	for _, p := range s.Properties {
		if err := checkDepth(p, depth+1); err != nil {
			return err
		}
	}
	if s.Items2020 != nil {
		return checkDepth(s.Items2020, depth+1)
	}
	return nil
}

// target follows references to the schema that says something.
func target(s *jsonschema.Schema) *jsonschema.Schema {
	for s.Ref != nil {
		s = s.Ref
	}
	return s
}

// typeOf returns the one type that a schema asks for, or "" when it allows
// several or does not say.
func typeOf(s *jsonschema.Schema) string {
	s = target(s)
	if s.Types == nil {
		return ""
	}
	if names := s.Types.ToStrings(); len(names) == 1 {
		return names[0]
	}
	return ""
}

// decode reads one JSON value.
func decode(data []byte) (any, error) {
	return decodeBy(json.NewDecoder(bytes.NewReader(data)))
}

// Decode reads one JSON value, with numbers as json.Number: as they are written.
func Decode(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return decodeBy(dec)
}

func decodeBy(dec *json.Decoder) (any, error) {
	var v any
	if err := dec.Decode(&v); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("it is empty")
		}
		return nil, err
	}
	if dec.More() {
		return nil, errors.New("it holds more than one value")
	}
	return v, nil
}

// decodeInput reads an input. An object's member that is null or a blank text
// counts as absent, because that is how many callers write an optional field.
func decodeInput(data []byte) (any, error) {
	v, err := decode(data)
	return dropBlanks(v), err
}

// valued returns a decoded value with its numbers as decode reads them, which
// json.Number keeps as they were written. It changes v.
func valued(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		return v.Float64()
	case map[string]any:
		for name := range v {
			if v[name], err = valued(v[name]); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range v {
			if v[i], err = valued(v[i]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// IsBlank reports whether nothing in text can be seen.
func IsBlank(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsSpace(r) && !unicode.IsControl(r) })
}

func dropBlanks(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			text, isText := member.(string)
			if member == nil || isText && IsBlank(text) {
				delete(v, name)
				continue
			}
			v[name] = dropBlanks(member)
		}
	case []any:
		for i := range v {
			v[i] = dropBlanks(v[i])
		}
	}
	return v
}

// faults lists everything the schema refuses about a decoded value.
func (s *schema) faults(v any) []tasks.Fault {
	err := s.compiled.Validate(v)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return []tasks.Fault{{Pointer: "", Detail: err.Error()}}
	}
	return describe(s.compiled, invalid)
}

// at returns the schema of the value at path, nil where there is none.
func at(s *jsonschema.Schema, path []string) *jsonschema.Schema {
	s = target(s)
	for _, step := range path {
		if p, ok := s.Properties[step]; ok {
			s = target(p)
		} else if s.Items2020 != nil {
			s = target(s.Items2020)
		} else {
			return nil
		}
	}
	return s
}

// leaves collects the errors that have no finer cause.
func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf, *kind.Not:
		// The branches fail for different reasons; the choice itself is the fault.
		return []*jsonschema.ValidationError{e}
	}
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var all []*jsonschema.ValidationError
	for _, c := range e.Causes {
		all = append(all, leaves(c)...)
	}
	return all
}
