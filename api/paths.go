package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// path is a path of the contract, and the methods it knows.
type path struct {
	parts   []string
	methods []string
}

// asDescribed lets requests pass that are for a path and a method of the contract.
// The router takes more for such: /jobs/batch for a job of that name when it does
// not know the method, and /agents/a/b for an agent with a slash in its name.
func asDescribed(operations []operation) echo.MiddlewareFunc {
	paths := pathsOf(operations)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			methods := methodsOf(paths, r.URL.EscapedPath())
			switch {
			case methods == nil:
				return errNoSuchPath
			case r.Method != http.MethodOptions && slices.Contains(methods, r.Method):
				return next(c)
			}
			c.Response().Header().Set(echo.HeaderAllow, strings.Join(methods, ", "))
			if r.Method == http.MethodOptions {
				return c.NoContent(http.StatusNoContent)
			}
			return errMethod
		}
	}
}

// pathsOf lists the paths of operations, those without parameters first, for
// these are meant where both would do.
func pathsOf(operations []operation) []path {
	var paths []path
	at := map[string]int{}
	for _, op := range operations {
		i, ok := at[op.path]
		if !ok {
			i = len(paths)
			at[op.path] = i
			paths = append(paths, path{strings.Split(op.path, "/"), []string{http.MethodOptions}})
		}
		paths[i].methods = append(paths[i].methods, op.method)
		if op.method == http.MethodGet {
			paths[i].methods = append(paths[i].methods, http.MethodHead)
		}
	}
	slices.SortStableFunc(paths, func(a, b path) int { return a.parameters() - b.parameters() })
	return paths
}

// methodsOf lists the methods that a path knows, nil if there is no such path.
func methodsOf(paths []path, escaped string) []string {
	parts := strings.Split(escaped, "/")
	for _, p := range paths {
		if slices.EqualFunc(parts, p.parts, func(got, want string) bool {
			return got == want || got != "" && strings.HasPrefix(want, "{")
		}) {
			return p.methods
		}
	}
	return nil
}

func (p path) parameters() (n int) {
	for _, part := range p.parts {
		if strings.HasPrefix(part, "{") {
			n++
		}
	}
	return n
}
