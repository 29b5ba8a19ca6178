package contract

import (
	"net/http"
	"slices"
	"strings"
)

// path is a path of the contract.
type path struct {
	parts      []string
	operations map[string]*Operation // by method
}

// pathsOf lists the paths of operations, those without parameters first: where
// two match, the literal one is meant.
func pathsOf(operations []Operation) []path {
	var paths []path
	index := map[string]int{}
	for i := range operations {
		op := &operations[i]
		at, ok := index[op.Path]
		if !ok {
			at = len(paths)
			index[op.Path] = at
			paths = append(paths, path{strings.Split(op.Path, "/"), map[string]*Operation{}})
		}
		paths[at].operations[op.Method] = op
		if op.Method == http.MethodGet {
			paths[at].operations[http.MethodHead] = op
		}
	}
	slices.SortStableFunc(paths, func(a, b path) int { return a.parameters() - b.parameters() })
	return paths
}

// Match returns the operation for a method and an escaped path, nil if there is
// none, and the methods that the path allows, none if there is no such path. The
// router would accept more: /jobs/batch as a job of that name for a method that
// batches do not have, and /agents/a/b as an agent with a slash in its name.
func (c *Contract) Match(method, escapedPath string) (op *Operation, allowed []string) {
	parts := strings.Split(escapedPath, "/")
	for _, p := range c.paths {
		if slices.EqualFunc(parts, p.parts, func(got, want string) bool {
			return got == want || got != "" && strings.HasPrefix(want, "{")
		}) {
			return p.operations[method], p.methods()
		}
	}
	return nil, nil
}

func (p path) methods() []string {
	methods := []string{http.MethodOptions}
	for method := range p.operations {
		methods = append(methods, method)
	}
	slices.Sort(methods[1:])
	return methods
}

func (p path) parameters() (n int) {
	for _, part := range p.parts {
		if strings.HasPrefix(part, "{") {
			n++
		}
	}
	return n
}
