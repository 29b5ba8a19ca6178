package api

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/topcentral/spillway/api/access"
)

// scopesOf reads from an operation what its caller needs. Every operation must
// say so itself: either the scopes, the same for each way to show a credential,
// or "security: []", which makes it public. One that says nothing stops the
// start, for it would be open to all by the rules of OpenAPI.
func scopesOf(op, schemes map[string]any) ([]access.Scope, error) {
	alternatives, declared := op["security"].([]any)
	if !declared {
		return nil, errors.New("declares no security; name the scopes it needs, or write \"security: []\" to make it public")
	}
	var need []access.Scope
	for i, alternative := range alternatives {
		requirement := asMap(alternative)
		if len(requirement) != 1 {
			return nil, errors.New("security: want one scheme in each alternative")
		}
		scheme := slices.Collect(maps.Keys(requirement))[0]
		if schemes[scheme] == nil {
			return nil, fmt.Errorf("security: there is no scheme %s", scheme)
		}
		scopes, err := scopesNamed(requirement[scheme])
		if err != nil {
			return nil, fmt.Errorf("security: %s: %w", scheme, err)
		}
		if i > 0 && !slices.Equal(scopes, need) {
			return nil, errors.New("security: the alternatives ask for different scopes")
		}
		need = scopes
	}
	return need, nil
}

func scopesNamed(list any) ([]access.Scope, error) {
	names, _ := list.([]any)
	if len(names) == 0 {
		return nil, errors.New("names no scope")
	}
	var text []string
	for _, name := range names {
		text = append(text, fmt.Sprint(name))
	}
	return access.ParseScopes(strings.Join(text, " "))
}

// checkRoutes makes sure that nothing can be reached that the contract does not
// speak of: no gate would stand before it.
func checkRoutes(routes []*echo.Route, operations []operation) error {
	known := map[string]bool{}
	for _, op := range operations {
		known[op.method+" "+op.path] = true
		if op.method == "GET" {
			known["HEAD "+op.path] = true
		}
	}
	var errs []error
	for _, route := range routes {
		if path := template(route.Path); route.Method != echo.RouteNotFound && !known[route.Method+" "+path] {
			errs = append(errs, fmt.Errorf("route %s %s is not in openapi.yaml, so nobody said who may use it", route.Method, path))
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
