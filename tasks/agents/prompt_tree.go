package agents

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/template/parse"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// treeCheck walks a parsed template: it refuses fields that do not exist, and
// makes every printed value pass through safeJSON, as html/template does with
// its escapers, so that no author can forget it.
type treeCheck struct {
	tree *parse.Tree
	in   *jsonschema.Schema
	file string
}

// walk checks n; atRoot reports whether the dot still is the whole data.
func (c treeCheck) walk(n parse.Node, atRoot bool) error {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		var errs []error
		for _, child := range n.Nodes {
			errs = append(errs, c.walk(child, atRoot))
		}
		return errors.Join(errs...)
	case *parse.ActionNode:
		err := c.pipe(n.Pipe, atRoot)
		if len(n.Pipe.Decl) == 0 {
			c.render(n.Pipe)
		}
		return err
	case *parse.IfNode:
		return c.branch(&n.BranchNode, atRoot, atRoot)
	case *parse.RangeNode:
		return c.branch(&n.BranchNode, atRoot, false)
	case *parse.WithNode:
		return c.branch(&n.BranchNode, atRoot, false)
	case *parse.TemplateNode:
		return c.fault(n, "template is not allowed")
	}
	return nil
}

func (c treeCheck) branch(n *parse.BranchNode, atRoot, inside bool) error {
	return errors.Join(c.pipe(n.Pipe, atRoot), c.walk(n.List, inside), c.walk(n.ElseList, atRoot))
}

// render appends safeJSON to a pipeline that prints.
func (c treeCheck) render(p *parse.PipeNode) {
	last := p.Cmds[len(p.Cmds)-1]
	if id, ok := last.Args[0].(*parse.IdentifierNode); ok && id.Ident == "json" {
		return
	}
	id := parse.NewIdentifier("json").SetTree(c.tree).SetPos(last.Pos)
	p.Cmds = append(p.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: last.Pos, Args: []parse.Node{id}})
}

func (c treeCheck) pipe(p *parse.PipeNode, atRoot bool) error {
	var errs []error
	for _, cmd := range p.Cmds {
		for _, arg := range cmd.Args {
			switch arg := arg.(type) {
			case *parse.FieldNode:
				if atRoot {
					errs = append(errs, c.path(arg, arg.Ident))
				}
			case *parse.VariableNode:
				if arg.Ident[0] == "$" {
					errs = append(errs, c.path(arg, arg.Ident[1:]))
				}
			case *parse.PipeNode:
				errs = append(errs, c.pipe(arg, atRoot))
			}
		}
	}
	return errors.Join(errs...)
}

// path checks a chain of fields from the whole data.
func (c treeCheck) path(n parse.Node, idents []string) error {
	switch {
	case len(idents) == 0 || idents[0] == "Language":
		return nil
	case idents[0] != "Input":
		return c.fault(n, fmt.Sprintf(".%s does not exist; there are .Input and .Language", idents[0]))
	}
	for i := 1; i < len(idents); i++ {
		around := at(c.in, idents[1:i])
		if around == nil {
			return nil
		}
		if _, ok := around.Properties[idents[i]]; !ok {
			return c.fault(n, fmt.Sprintf("%q is not a field of the input; %s", idents[i], suggestion(around, idents[i])))
		}
	}
	return nil
}

// fault puts the file and line before what is wrong with n.
func (c treeCheck) fault(n parse.Node, detail string) error {
	location, _ := c.tree.ErrorContext(n)
	parts := strings.Split(location, ":")
	line := 0
	if len(parts) > 1 {
		line, _ = strconv.Atoi(parts[1]) // the template package wrote it
	}
	return errorAt(c.file, line, "%s", detail)
}
