package api

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strings"
	"testing"

	"github.com/topcentral/spillway/api/access"
)

// Times in every body may have every form of RFC 3339.
func TestTimesInBodies(t *testing.T) {
	ring, m := newKeyring(t, access.Config{}), newMemory()
	h := newAPI(t, Config{Guard: ring.guard}, m.deps())
	as := ring.bearer(t, "acme", access.Scopes()...)
	for _, c := range []struct{ target, body string }{
		{"/jobs", `{"agent":"A02","input":{},"run_at":"%s"}`},
		{"/jobs", `{"agent":"A02","input":{},"deadline":"%s"}`},
		{"/jobs/rerun", `{"filter":{"created_after":"%s"}}`},
		{"/jobs/rerun", `{"filter":{"created_before":"%s"}}`},
		{"/webhooks/endpoints/" + fakeEndpoint + "/recover", `{"since":"%[1]s","until":"%[1]s"}`},
	} {
		for form, good := range map[string]bool{
			"2035-03-12T08:00:00Z": true, "2035-03-12t08:00:00.5z": true, "2016-12-31T23:59:60Z": true, "2035-03-12T08:00:00+08:00": true,
			"2035-03-12": false, "2035-03-12T08:00:00": false, "": false,
		} {
			w := do(t, h, "POST", c.target, fmt.Sprintf(c.body, form), "Authorization", as)
			if good && w.Code >= 300 || !good && w.Code != http.StatusBadRequest {
				t.Errorf("%s %s with %q: got %d %s", c.target, c.body, form, w.Code, w.Body)
			}
		}
	}
}

// A body that is added later gets no time that Go's own parser reads.
func TestTimesInBodiesHaveOneParser(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "internal/spec/spec.gen.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]ast.Expr{}
	ast.Inspect(f, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			types[spec.Name.Name] = spec.Type
		}
		return true
	})
	var check func(of string, e ast.Expr)
	check = func(of string, e ast.Expr) {
		ast.Inspect(e, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == "time" && n.Sel.Name == "Time" {
					t.Errorf("%s has a time.Time; make it a Time in overlay.yaml", of)
				}
				return false
			case *ast.Ident:
				if next, ok := types[n.Name]; ok {
					delete(types, n.Name) // once is enough
					check(n.Name, next)
				}
			}
			return true
		})
	}
	bodies := 0
	for name, e := range types {
		if strings.HasSuffix(name, "JSONRequestBody") {
			bodies++
			check(name, e)
		}
	}
	if bodies < 5 {
		t.Errorf("only %d bodies found", bodies)
	}
}
