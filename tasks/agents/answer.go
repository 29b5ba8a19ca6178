package agents

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/types"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/topcentral/spillway/tasks"
)

// node is a compiled piece of the answer.
type node interface {
	fill(env map[string]any, lang tasks.Language) (any, error)
}

type (
	// constant is a number or a boolean literal.
	constant struct{ value any }
	// computed is "= expression".
	computed struct{ value *expression }
	// sentence is a text, perhaps with ${expressions}.
	sentence struct{ texts texts }
	// fields is an object, in the order of the file.
	fields struct {
		names  []string
		values []node
	}
	// items is a list whose elements may be conditional or repeated.
	items []item
)

// item is one element of a list: once, if a condition holds, or for each
// element of another list.
type item struct {
	each *expression // nil: once
	when *expression // nil: always
	node node
}

// object is a JSON object that keeps the order of its members.
type object struct {
	names  []string
	values []any
}

// MarshalJSON implements [json.Marshaler].
func (o *object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range o.names {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(o.values[i])
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// compileNode compiles a piece of the answer and compares it with the part of
// the output schema that it must satisfy.
func (s scope) compileNode(n *yaml.Node, out *jsonschema.Schema) (node, error) {
	if out != nil {
		out = target(out)
	}
	switch {
	case n.Kind == yaml.SequenceNode:
		return s.compileItems(n, out)
	case isTexts(n):
		t, err := s.compileTexts(n)
		return sentence{t}, err
	case n.Kind == yaml.MappingNode:
		return s.compileFields(n, out)
	case n.Kind != yaml.ScalarNode:
		return nil, errorAt(s.file, n.Line, "aliases are not allowed in the answer")
	}
	if after, ok := strings.CutPrefix(n.Value, "="); ok {
		src := sourceOf(n)
		src.text = after
		e, err := s.compile(src, reflect.Invalid)
		if err != nil {
			return nil, err
		}
		return computed{e}, s.checkValues(n.Line, e, out)
	}
	if n.Tag == "!!str" {
		return s.compileLiteral(n, out)
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, yamlErrors(s.file, err)
	}
	if out != nil {
		if err := out.Validate(v); err != nil {
			return nil, errorAt(s.file, n.Line, "%s is not a value that the output schema takes here%s", quote(v), allowed(out))
		}
	}
	return constant{v}, nil
}

// compileLiteral compiles a text for all languages, and knows the values that
// a closed set allows.
func (s scope) compileLiteral(n *yaml.Node, out *jsonschema.Schema) (node, error) {
	if out != nil && out.Enum != nil && !strings.Contains(n.Value, "${") && !slices.Contains(out.Enum.Values, any(n.Value)) {
		return nil, errorAt(s.file, n.Line, "%q is not in the output schema; use one of %s", n.Value, list(out.Enum.Values))
	}
	t, err := s.compileTexts(n)
	if one := t[languages[0]]; err == nil && len(one) == 1 && one[0].value != nil {
		err = s.checkValues(n.Line, one[0].value, out)
	}
	return sentence{t}, err
}

func (s scope) compileFields(n *yaml.Node, out *jsonschema.Schema) (node, error) {
	var f fields
	var errs []error
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		var of *jsonschema.Schema
		if out != nil && len(out.Properties) > 0 {
			if of = out.Properties[key.Value]; of == nil {
				errs = append(errs, errorAt(s.file, key.Line, "%q is not a field of the output schema; %s", key.Value, suggestion(out, key.Value)))
				continue
			}
		}
		v, err := s.compileNode(value, of)
		errs = append(errs, err)
		f.names, f.values = append(f.names, key.Value), append(f.values, v)
	}
	if out != nil {
		for _, name := range out.Required {
			if child(n, name) == nil {
				errs = append(errs, errorAt(s.file, n.Line, "%q is missing here; the output schema requires it", name))
			}
		}
	}
	return f, errors.Join(errs...)
}

func (s scope) compileItems(n *yaml.Node, out *jsonschema.Schema) (node, error) {
	var of *jsonschema.Schema
	if out != nil {
		of = out.Items2020
	}
	all := make(items, 0, len(n.Content))
	errs := make([]error, 0, len(n.Content))
	for _, element := range n.Content {
		it, err := s.compileItem(element, of)
		all, errs = append(all, it), append(errs, err)
	}
	return all, errors.Join(errs...)
}

// compileItem takes if and for off an element and compiles what remains. An
// element with one key more, item, is that key's value, so that lists of texts
// and expressions can be conditional, too.
func (s scope) compileItem(n *yaml.Node, out *jsonschema.Schema) (it item, err error) {
	if n.Kind != yaml.MappingNode {
		it.node, err = s.compileNode(n, out)
		return it, err
	}
	rest := *n
	rest.Content = nil
	var when, each *yaml.Node
	for i := 0; i < len(n.Content); i += 2 {
		switch key := n.Content[i]; key.Value {
		case "if":
			when = n.Content[i+1]
		case "for":
			each = n.Content[i+1]
		default:
			rest.Content = append(rest.Content, key, n.Content[i+1])
		}
	}
	if each != nil {
		if it.each, err = s.compile(sourceOf(each), reflect.Invalid); err != nil {
			return it, err
		}
		element, err := s.elementOf(it.each)
		if err != nil {
			return it, err
		}
		s = s.with("it", element)
	}
	if when != nil {
		if it.when, err = s.compile(sourceOf(when), reflect.Bool); err != nil {
			return it, err
		}
	}
	body := &rest
	if alone := child(body, "item"); alone != nil && len(body.Content) == 2 {
		body = alone
	}
	it.node, err = s.compileNode(body, out)
	return it, err
}

// elementOf returns the type of the elements of a list.
func (s scope) elementOf(e *expression) (types.Type, error) {
	list := e.kind.Nature()
	if !list.IsArray() && !list.IsUnknown(new(nature.Cache)) {
		return nil, errorAt(s.file, e.line, "for wants a list, not %s", list.String())
	}
	return known{list.Elem(new(nature.Cache))}, nil
}

func (c constant) fill(map[string]any, tasks.Language) (any, error) { return c.value, nil }

func (c computed) fill(env map[string]any, _ tasks.Language) (any, error) {
	return c.value.eval(env)
}

func (t sentence) fill(env map[string]any, lang tasks.Language) (any, error) {
	filled, err := t.texts[lang].fill(env, lang)
	return strings.TrimSpace(filled), err
}

func (f fields) fill(env map[string]any, lang tasks.Language) (any, error) {
	o := &object{names: f.names, values: make([]any, len(f.names))}
	for i, n := range f.values {
		v, err := n.fill(env, lang)
		if err != nil {
			return nil, err
		}
		o.values[i] = v
	}
	return o, nil
}

func (l items) fill(env map[string]any, lang tasks.Language) (any, error) {
	out := []any{}
	for _, it := range l {
		filled, err := it.fill(env, lang)
		if err != nil {
			return nil, err
		}
		out = append(out, filled...)
	}
	return out, nil
}

// fill returns the element as often as its conditions say.
func (it item) fill(env map[string]any, lang tasks.Language) ([]any, error) {
	if it.each == nil {
		return it.once(env, lang)
	}
	over, err := it.each.eval(env)
	if err != nil {
		return nil, err
	}
	elements := reflect.ValueOf(over)
	if over == nil || elements.Kind() != reflect.Slice {
		return nil, errorAt(it.each.file, it.each.line, "for wants a list, not %T", over)
	}
	defer delete(env, "it")
	var out []any
	for i := range elements.Len() {
		env["it"] = elements.Index(i).Interface()
		filled, err := it.once(env, lang)
		if err != nil {
			return nil, err
		}
		out = append(out, filled...)
	}
	return out, nil
}

func (it item) once(env map[string]any, lang tasks.Language) ([]any, error) {
	if ok, err := it.when.holds(env); !ok || err != nil {
		return nil, err
	}
	v, err := it.node.fill(env, lang)
	return []any{v}, err
}
