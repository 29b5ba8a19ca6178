package agents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/topcentral/spillway/tasks"
)

// example is one file of examples/: an input, and what the scorecard must
// answer to it.
type example struct {
	name   string // the file's own name without .json
	file   string
	source []byte
	body   exampleJSON
}

type exampleJSON struct {
	About  string                     `json:"about"` // what the example shows, for readers
	Input  json.RawMessage            `json:"input"`
	Clear  *bool                      `json:"clear"`  // whether the scorecard must call the case clear; nil: not asked
	Expect map[string]json.RawMessage `json:"expect"` // by JSON Pointer into the answer
}

// expectation is what an example may ask of one value of the answer. A value
// that is not an object of these must be met exactly.
type expectation struct {
	Min      *float64       `json:"min"`
	Max      *float64       `json:"max"`
	OneOf    []any          `json:"one_of"`
	MinItems *int           `json:"min_items"`
	MaxItems *int           `json:"max_items"`
	Has      map[string]any `json:"has"`   // an element of the list has these members
	Lacks    map[string]any `json:"lacks"` // no element of the list has them
	Contains string         `json:"contains"`
}

// ExampleResult is the result of one of an agent's examples.
type ExampleResult struct {
	Name string // the file's name without .json, or what else was checked
	Err  error  // nil: as expected; otherwise it names file and line
}

func loadExamples(f *folder) ([]example, error) {
	names := f.examples()
	all := make([]example, 0, len(names))
	errs := make([]error, 0, len(names))
	for _, name := range names {
		e := example{name: strings.TrimSuffix(path.Base(name), ".json"), file: f.shown(name), source: f.files[name]}
		err := decodeJSON(e.file, e.source, &e.body)
		if err == nil && len(e.body.Input) == 0 {
			err = errorAt(e.file, 0, "input is missing")
		}
		all, errs = append(all, e), append(errs, err)
	}
	return all, errors.Join(errs...)
}

// RunExamples checks every example of the agent in every language: the input
// must be valid, the prompt must take it, and the scorecard must give a valid
// answer that is as the example demands. It also checks that the sample answer
// in every prompt, the block between ```json and ```, fits the output schema, and
// tries prompts and scorecard on generated inputs.
func (a *Agent) RunExamples() []ExampleResult {
	results := make([]ExampleResult, 0, 1+len(a.examples))
	results = append(results, ExampleResult{Name: "prompt sample", Err: a.checkSample(a.prompt)})
	for _, v := range a.Variants {
		if p, ok := a.variants[v.Name]; ok {
			results = append(results, ExampleResult{Name: "prompt sample of " + v.Name, Err: a.checkSample(p)})
		}
	}
	for _, e := range a.examples {
		results = append(results, ExampleResult{Name: e.name, Err: a.runExample(e)})
	}
	return append(results, ExampleResult{Name: "generated inputs", Err: a.Try()})
}

// verify runs the examples and the trial: an edit that fails them is not taken
// over.
func (a *Agent) verify() error {
	var errs []error
	for _, e := range a.examples {
		errs = append(errs, a.runExample(e))
	}
	return errors.Join(append(errs, a.Try())...)
}

// checkSample compares the sample answer in a prompt with the output schema.
func (a *Agent) checkSample(p *prompt) error {
	_, after, found := strings.Cut(p.system, "```json\n")
	sample, _, closed := strings.Cut(after, "```")
	if !found || !closed {
		return errorAt(p.file, 0, "the system part shows no sample answer between ```json and ```")
	}
	for _, f := range a.CheckOutput(json.RawMessage(sample)) {
		return errorAt(p.file, 0, "the sample answer breaks the output schema at %q: %s", f.Pointer, f.Detail)
	}
	return nil
}

// checkPrompts makes sure that every prompt takes an input.
func (a *Agent) checkPrompts(input json.RawMessage, lang tasks.Language) error {
	_, _, err := a.Prompt(input, lang)
	errs := []error{err}
	for _, v := range a.Variants {
		if _, ok := a.variants[v.Name]; ok {
			_, _, err := a.PromptOf(v.Name, input, lang)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (a *Agent) runExample(e example) error {
	for _, f := range a.CheckInput(e.body.Input) {
		return errorAt(e.file, e.line("input", f.Pointer), "the input breaks the input schema at %q: %s", f.Pointer, f.Detail)
	}
	var errs []error
	for _, lang := range languages {
		if err := a.checkPrompts(e.body.Input, lang); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", lang, err))
		}
		if !a.HasScorecard() {
			continue
		}
		answer, certain, err := a.score(e.body.Input, lang)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", lang, err))
			continue
		}
		errs = append(errs, e.compare(answer, lang))
		if e.body.Clear != nil && *e.body.Clear != certain {
			errs = append(errs, errorAt(e.file, lineAt(e.source, []string{"clear"}), "%s: clear_when says %v, want %v", lang, certain, *e.body.Clear))
		}
	}
	return errors.Join(errs...)
}

// line finds the line of a value below one of the example's own members.
func (e example) line(member, pointer string) int {
	return lineAt(e.source, append([]string{member}, steps(pointer)...))
}

// compare reports where an answer differs from what the example expects.
func (e example) compare(answer json.RawMessage, lang tasks.Language) error {
	var v any
	if err := json.Unmarshal(answer, &v); err != nil {
		return err
	}
	var errs []error
	for _, at := range slices.Sorted(maps.Keys(e.body.Expect)) {
		got, ok := dig(v, steps(at))
		err := errors.New("the answer has no such value")
		if ok {
			err = expect(e.body.Expect[at], got)
		}
		if err != nil {
			line := lineAt(e.source, []string{"expect", at})
			errs = append(errs, errorAt(e.file, line, "%s: the answer's %s: %w", lang, at, err))
		}
	}
	return errors.Join(errs...)
}

// expect compares one value with what an example wants of it.
func expect(want json.RawMessage, got any) error {
	if bytes.HasPrefix(bytes.TrimSpace(want), []byte("{")) {
		var x expectation
		dec := json.NewDecoder(bytes.NewReader(want))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&x); err != nil {
			return fmt.Errorf("want min, max, one_of, min_items, max_items, has, lacks or contains: %w", err)
		}
		return x.meet(got)
	}
	var exact any
	if err := json.Unmarshal(want, &exact); err != nil {
		return err
	}
	if !reflect.DeepEqual(exact, got) {
		return fmt.Errorf("got %s, want %s", quote(got), quote(exact))
	}
	return nil
}

func (x expectation) meet(got any) error {
	n, isNumber := got.(float64)
	items, isList := got.([]any)
	text, isText := got.(string)
	switch {
	case x.Min != nil && (!isNumber || n < *x.Min):
		return fmt.Errorf("got %s, want at least %v", quote(got), *x.Min)
	case x.Max != nil && (!isNumber || n > *x.Max):
		return fmt.Errorf("got %s, want at most %v", quote(got), *x.Max)
	case x.OneOf != nil && !slices.ContainsFunc(x.OneOf, func(v any) bool { return reflect.DeepEqual(v, got) }):
		return fmt.Errorf("got %s, want one of %s", quote(got), list(x.OneOf))
	case x.MinItems != nil && (!isList || len(items) < *x.MinItems):
		return fmt.Errorf("got %d items, want at least %d", len(items), *x.MinItems)
	case x.MaxItems != nil && (!isList || len(items) > *x.MaxItems):
		return fmt.Errorf("got %d items, want at most %d", len(items), *x.MaxItems)
	case x.Has != nil && !slices.ContainsFunc(items, includes(x.Has)):
		return fmt.Errorf("no element has %s", quote(x.Has))
	case x.Lacks != nil && slices.ContainsFunc(items, includes(x.Lacks)):
		return fmt.Errorf("an element has %s", quote(x.Lacks))
	case x.Contains != "" && (!isText || !strings.Contains(text, x.Contains)):
		return fmt.Errorf("got %s, want it to contain %q", quote(got), x.Contains)
	}
	return nil
}

// includes returns a test for objects that have all of the members in want.
func includes(want map[string]any) func(any) bool {
	return func(v any) bool {
		o, ok := v.(map[string]any)
		for name, member := range want {
			ok = ok && reflect.DeepEqual(o[name], member)
		}
		return ok
	}
}

// steps splits a JSON Pointer.
func steps(pointer string) []string {
	if pointer == "" {
		return nil
	}
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, p := range parts {
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(p)
	}
	return parts
}

// dig returns the value at path inside v.
func dig(v any, path []string) (any, bool) {
	for _, step := range path {
		switch around := v.(type) {
		case map[string]any:
			member, ok := around[step]
			if !ok {
				return nil, false
			}
			v = member
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(around) {
				return nil, false
			}
			v = around[i]
		default:
			return nil, false
		}
	}
	return v, true
}
