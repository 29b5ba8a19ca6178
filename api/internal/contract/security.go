package contract

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/topcentral/spillway/api/access"
)

// scopesOf returns the scopes that an operation needs. Every operation must
// declare them: the same for each kind of credential, or "security: []", which
// makes it public. One without a declaration is an error, since by the rules of
// OpenAPI it would be open to everyone.
func scopesOf(op, schemes map[string]any) ([]access.Scope, error) {
	alternatives, declared := op["security"].([]any)
	if !declared {
		return nil, errors.New("no security declared; list the scopes it needs, or write \"security: []\" to make it public")
	}
	var need []access.Scope
	for i, alternative := range alternatives {
		requirement := asMap(alternative)
		if len(requirement) != 1 {
			return nil, errors.New("security: each alternative must have one scheme")
		}
		scheme := slices.Collect(maps.Keys(requirement))[0]
		if schemes[scheme] == nil {
			return nil, fmt.Errorf("security: unknown scheme %s", scheme)
		}
		scopes, err := scopesNamed(requirement[scheme])
		if err != nil {
			return nil, fmt.Errorf("security: %s: %w", scheme, err)
		}
		if i > 0 && !slices.Equal(scopes, need) {
			return nil, errors.New("security: the alternatives must list the same scopes")
		}
		need = scopes
	}
	return need, nil
}

func scopesNamed(list any) ([]access.Scope, error) {
	names, _ := list.([]any)
	if len(names) == 0 {
		return nil, errors.New("no scope listed")
	}
	var text []string
	for _, name := range names {
		text = append(text, fmt.Sprint(name))
	}
	return access.ParseScopes(strings.Join(text, " "))
}

// Route is a method and a path of a router, such as GET and /jobs/:id.
type Route struct{ Method, Path string }

// CheckRoutes returns an error if a route is not an operation of the contract:
// requests for it would bypass every check.
func (c *Contract) CheckRoutes(routes []Route) error {
	known := map[string]bool{}
	for _, op := range c.Operations {
		known[op.Method+" "+op.Path] = true
		if op.Method == http.MethodGet {
			known[http.MethodHead+" "+op.Path] = true
		}
	}
	var errs []error
	for _, route := range routes {
		if path := template(route.Path); !known[route.Method+" "+path] {
			errs = append(errs, fmt.Errorf("route %s %s is not in openapi.yaml, so no scope protects it", route.Method, path))
		}
	}
	return errors.Join(errs...)
}

// template writes a path of the router as the contract does.
func template(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
}
