package contract

import (
	"strings"
	"testing"
)

func TestRoutesWithoutADeclaredScopeStopTheStart(t *testing.T) {
	const head = "openapi: 3.1.0\ncomponents: {securitySchemes: {apiKey: {type: http}, jwt: {type: http}}}\npaths: {/x: {get: {operationId: x"
	for _, c := range []struct{ name, security, want string }{
		{"nothing", "", "no security declared"},
		{"no scope", ", security: [{apiKey: []}]", "no scope listed"},
		{"no such scope", ", security: [{apiKey: ['jobs:all']}]", "unknown scope jobs:all"},
		{"no such scheme", ", security: [{basic: ['jobs:read']}]", "unknown scheme basic"},
		{"nobody", ", security: [{}]", "one scheme"},
		{"two that differ", ", security: [{apiKey: ['jobs:read']}, {jwt: ['jobs:write']}]", "the same scopes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read([]byte(head + c.security + "}}}"))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "get /x") {
				t.Errorf("got %v, want one that says %q", err, c.want)
			}
		})
	}
}

func TestRoutesOutsideTheContractAreRefused(t *testing.T) {
	c, err := Read([]byte("openapi: 3.1.0\ncomponents: {schemas: {Submission: {}}}\npaths: {'/jobs/{id}': {get: {operationId: x, security: []}}}"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckRoutes([]Route{{"GET", "/jobs/:id"}, {"HEAD", "/jobs/:id"}}); err != nil {
		t.Error(err)
	}
	if err := c.CheckRoutes([]Route{{"GET", "/jobs/:id/secret"}}); err == nil || !strings.Contains(err.Error(), "/jobs/{id}/secret") {
		t.Errorf("a route of its own: got %v", err)
	}
}
