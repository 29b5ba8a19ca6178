package agents

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"
	exprfile "github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
	"go.yaml.in/yaml/v3"
)

// The limits on one expression. With lists bounded by the input schema they
// bound its time, too.
const (
	maxSource  = 2000 // bytes
	maxNodes   = 300
	maxNesting = 2 // a predicate inside a predicate
)

// source is an expression or a text with the place where it was written.
type source struct {
	text string
	line int // of the first character of text
}

// UnmarshalYAML keeps the line number with the text.
func (s *source) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: want an expression or a text here", n.Line)
	}
	*s = sourceOf(n)
	return nil
}

func sourceOf(n *yaml.Node) source {
	line := n.Line
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		line++ // a block's text begins below its | or >
	}
	return source{text: n.Value, line: line}
}

// scope is what expressions of one scorecard may name at one place. It grows
// as a file is compiled, from the input to facts to findings.
type scope struct {
	file  string
	names types.Map
	enums map[string][]any // by field of the input: the values it can have
	// values are those that facts and findings can have, as far as their
	// expressions say so.
	values map[string][]any
}

// withValues returns a copy of the scope that also knows values of name.
func (s scope) withValues(name string, values []any) scope {
	s.values = maps.Clone(s.values)
	if s.values == nil {
		s.values = map[string][]any{}
	}
	s.values[name] = values
	return s
}

// with returns a copy of the scope that also knows name.
func (s scope) with(name string, t types.Type) scope {
	s.names = maps.Clone(s.names)
	s.names[name] = t
	return s
}

// expression is a compiled expression and where it was written.
type expression struct {
	program *vm.Program
	file    string
	line    int
	kind    types.Type // of its value
}

// compile compiles src against the names in scope. want narrows the type of
// the value: reflect.Bool, reflect.Float64 for any number, or reflect.Invalid
// for anything.
func (s scope) compile(src source, want reflect.Kind) (*expression, error) {
	if len(src.text) > maxSource {
		return nil, errorAt(s.file, src.line, "the expression has %d bytes, at most %d are allowed; name parts of it under facts", len(src.text), maxSource)
	}
	values := &valueCheck{enums: s.enums}
	options := []expr.Option{expr.Env(s.names), expr.MaxNodes(maxNodes), expr.Patch(values)}
	options = append(options, functions()...)
	if want == reflect.Bool {
		options = append(options, expr.AsBool())
	}
	if want == reflect.Float64 {
		options = append(options, expr.AsFloat64())
	}
	program, err := expr.Compile(src.text, options...)
	if err != nil {
		return nil, s.exprError(src, err)
	}
	if values.err != nil {
		return nil, errorAt(s.file, src.line, "%w", values.err)
	}
	node := program.Node()
	if nesting(&node) > maxNesting {
		return nil, errorAt(s.file, src.line, "lists are walked more than %d deep; name the inner list under facts", maxNesting)
	}
	return &expression{program: program, file: s.file, line: src.line, kind: known{*node.Nature()}}, nil
}

// exprError adds the lines before the expression to those inside it.
func (s scope) exprError(src source, err error) error {
	line, text := src.line, err.Error()
	if e, ok := errors.AsType[*exprfile.Error](err); ok {
		line += max(e.Line-1, 0)
		text = e.Message
	}
	first, _, _ := strings.Cut(text, "\n")
	return errorAt(s.file, line, "%s in the expression: %s", first, strings.TrimSpace(src.text))
}

// eval works the expression out. The virtual machine turns panics into errors.
func (e *expression) eval(env map[string]any) (any, error) {
	v, err := vm.Run(e.program, env)
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return nil, errorAt(e.file, e.line, "%s", first)
	}
	return v, nil
}

// holds works a condition out.
func (e *expression) holds(env map[string]any) (bool, error) {
	if e == nil {
		return true, nil
	}
	v, err := e.eval(env)
	b, _ := v.(bool)
	return b, err
}

// number works a number out, and refuses one that is not finite.
func (e *expression) number(env map[string]any) (float64, error) {
	v, err := e.eval(env)
	if err != nil {
		return 0, err
	}
	f, _ := v.(float64)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, errorAt(e.file, e.line, "the value is not a finite number; is something divided by zero?")
	}
	return f, nil
}

// known is the type that the checker found for an expression.
type known struct{ nature nature.Nature }

func (k known) Nature() nature.Nature { return k.nature }
func (k known) Equal(types.Type) bool { return false }
func (k known) String() string        { return k.nature.String() }

// nesting counts how deeply predicates are nested.
func nesting(n *ast.Node) int {
	var found predicates
	ast.Walk(n, &found)
	deepest := 0
	for _, p := range found {
		deepest = max(deepest, 1+nesting(&p.Node))
	}
	return deepest
}

// predicates collects the predicates of an expression.
type predicates []*ast.PredicateNode

// Visit implements [ast.Visitor].
func (p *predicates) Visit(n *ast.Node) {
	if predicate, ok := (*n).(*ast.PredicateNode); ok {
		*p = append(*p, predicate)
	}
}

// valueCheck finds comparisons of a field with a value it can never have.
type valueCheck struct {
	enums map[string][]any // by field of the input
	err   error
}

// Visit implements [ast.Visitor].
func (c *valueCheck) Visit(n *ast.Node) {
	b, ok := (*n).(*ast.BinaryNode)
	if !ok {
		return
	}
	switch b.Operator {
	case "==", "!=":
		c.compare(b.Left, b.Right)
		c.compare(b.Right, b.Left)
	case "in":
		if values, ok := b.Right.(*ast.ArrayNode); ok {
			for _, v := range values.Nodes {
				c.compare(b.Left, v)
			}
		}
	}
}

func (c *valueCheck) compare(field, value ast.Node) {
	member, ok := field.(*ast.MemberNode)
	if !ok {
		return
	}
	of, ok := member.Node.(*ast.IdentifierNode)
	name, isName := member.Property.(*ast.StringNode)
	text, isText := value.(*ast.StringNode)
	if !ok || !isName || !isText || of.Value != "input" {
		return
	}
	enum, ok := c.enums[name.Value]
	if ok && c.err == nil && !slices.Contains(enum, any(text.Value)) {
		c.err = fmt.Errorf("input.%s is never %q; it is one of %s", name.Value, text.Value, list(enum))
	}
}
