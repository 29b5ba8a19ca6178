package agents

import (
	"errors"

	"github.com/expr-lang/expr/ast"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// literals lists the values that an expression can have as far as it says so: its
// constants, those of either branch of a choice, and those of the facts and
// findings that it names.
func (s scope) literals(n ast.Node) []any {
	switch n := n.(type) {
	case *ast.StringNode:
		return []any{n.Value}
	case *ast.IntegerNode:
		return []any{n.Value}
	case *ast.FloatNode:
		return []any{n.Value}
	case *ast.BoolNode:
		return []any{n.Value}
	case *ast.IdentifierNode:
		return s.values[n.Value]
	case *ast.ConditionalNode:
		return append(s.literals(n.Exp1), s.literals(n.Exp2)...)
	case *ast.VariableDeclaratorNode:
		return s.literals(n.Expr)
	case *ast.BinaryNode:
		if n.Operator == "??" {
			return append(s.literals(n.Left), s.literals(n.Right)...)
		}
	}
	return nil
}

// checkValues refuses an expression that can have a value which the output
// schema does not take at its place.
func (s scope) checkValues(line int, e *expression, out *jsonschema.Schema) error {
	if out == nil {
		return nil
	}
	var errs []error
	for _, v := range s.literals(e.program.Node()) {
		if text, ok := v.(string); ok {
			v = fit(out, text) // as answers are
		}
		if out.Validate(v) != nil {
			errs = append(errs, errorAt(s.file, line, "the value can be %s, which the output schema does not take here%s", quote(v), allowed(out)))
		}
	}
	return errors.Join(errs...)
}

// allowed says which values a schema takes, or of which type.
func allowed(out *jsonschema.Schema) string {
	switch {
	case out.Enum != nil:
		return "; use one of " + list(out.Enum.Values)
	case typeOf(out) != "":
		return "; it takes " + article(typeOf(out))
	}
	return ""
}
