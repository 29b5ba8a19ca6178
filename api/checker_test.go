package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// newAPI returns the API over m, with every response checked against the
// contract.
func newAPI(t testing.TB, cfg Config, deps Deps) http.Handler {
	t.Helper()
	h, err := New(t.Context(), cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	return newChecker(t).check(t, h)
}

// do sends a request and returns its response.
func do(t testing.TB, h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := newRequest(t, method, target, body, "")
	if body != "" {
		r.Header.Set("Content-Type", jsonType)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return serve(h, r)
}

func newRequest(t testing.TB, method, target, body, contentType string) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// decode returns the body of w as a T.
func decode[T any](t testing.TB, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("body %q: %v", w.Body, err)
	}
	return v
}

// checker holds responses against the contract.
type checker struct {
	document map[string]any
	mu       sync.Mutex // guards compiler
	compiler *jsonschema.Compiler
}

var closedContract = sync.OnceValues(func() (*contract, error) {
	c, err := readContract(openapiYAML)
	if err != nil {
		return nil, err
	}
	// To callers, objects are open: they may gain fields. To our tests a field
	// that the contract does not name is a mistake.
	for name, schema := range asMap(asMap(c.document["components"])["schemas"]) {
		s := asMap(schema)
		if name != "Agent" && (s["properties"] != nil || s["allOf"] != nil) { // Agent is part of AgentDefinition
			s["unevaluatedProperties"] = false
		}
	}
	c.json, err = json.Marshal(c.document)
	return c, err
})

func newChecker(t testing.TB) *checker {
	t.Helper()
	c, err := closedContract()
	if err != nil {
		t.Fatal(err)
	}
	compiler, err := newCompiler(c.json)
	if err != nil {
		t.Fatal(err)
	}
	return &checker{document: c.document, compiler: compiler}
}

// check wraps next so that each of its responses is held against the contract.
func (c *checker) check(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, path := r.Method, r.URL.Path
		seen := &tee{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		if method == http.MethodOptions {
			return
		}
		for _, complaint := range c.complaints(method, path, seen) {
			t.Errorf("%s %s → %d: %s", method, path, seen.status, complaint)
		}
	})
}

// tee remembers what passes through it.
type tee struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (s *tee) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (s *tee) Write(b []byte) (int, error) {
	s.body.Write(b)
	return s.ResponseWriter.Write(b)
}

func (s *tee) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// complaints lists in what a response breaks the contract.
func (c *checker) complaints(method, path string, w *tee) []string {
	at, response := c.response(method, path, w.status)
	if response == nil {
		return []string{"the contract knows no such response"}
	}
	complaints := c.headerComplaints(at, response, w.Header())
	content := asMap(response["content"])
	if len(content) == 0 || method == http.MethodHead {
		if w.body.Len() > 0 {
			complaints = append(complaints, "has a body")
		}
		return complaints
	}
	media, _, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	if err != nil || content[media] == nil {
		return append(complaints, fmt.Sprintf("Content-Type %q, want one of %v", media, slices.Sorted(maps.Keys(content))))
	}
	schema := at + pointer("content", media, "schema")
	switch media {
	case "text/event-stream":
		for line := range strings.SplitSeq(w.body.String(), "\n") {
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				complaints = append(complaints, c.validate("/components/schemas/Event", []byte(data))...)
			}
		}
	case "application/yaml", "text/html", "text/css", "text/javascript", "image/png":
	default:
		complaints = append(complaints, c.validate(schema, w.body.Bytes())...)
	}
	return complaints
}

// response finds the response of that status: where it is, and what it says.
func (c *checker) response(method, path string, status int) (at string, response map[string]any) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	template, item := c.path(path, method)
	operation := asMap(item[strings.ToLower(method)])
	switch {
	case item == nil:
		at = "/components/responses/NotFound"
	case operation == nil:
		at = "/components/responses/MethodNotAllowed"
	default:
		at = pointer("paths", template, strings.ToLower(method), "responses", strconv.Itoa(status))
		response = asMap(asMap(operation["responses"])[strconv.Itoa(status)])
		if ref, ok := response["$ref"].(string); ok {
			at = strings.TrimPrefix(ref, "#")
		}
	}
	if name, ok := strings.CutPrefix(at, "/components/responses/"); ok {
		response = asMap(asMap(asMap(c.document["components"])["responses"])[name])
	}
	return at, response
}

// path finds the path item that a path belongs to: the one of that very name if it
// has the method, as the router does.
func (c *checker) path(path, method string) (string, map[string]any) {
	parts := strings.Split(path, "/")
	paths := asMap(c.document["paths"])
	if item := asMap(paths[path]); item[strings.ToLower(method)] != nil {
		return path, item
	}
	for template := range paths {
		wanted := strings.Split(template, "/")
		if slices.EqualFunc(parts, wanted, func(got, want string) bool {
			return got == want || strings.HasPrefix(want, "{")
		}) {
			return template, asMap(paths[template])
		}
	}
	return "", nil
}

// commonHeaders need not be told in the contract.
var commonHeaders = []string{"Content-Type", "Content-Length", "Cache-Control", "X-Content-Type-Options", "Referrer-Policy"}

func (c *checker) headerComplaints(at string, response map[string]any, h http.Header) []string {
	var complaints []string
	if h.Get("X-Content-Type-Options") != "nosniff" {
		complaints = append(complaints, "no nosniff")
	}
	known := slices.Clone(commonHeaders)
	for name := range asMap(response["headers"]) {
		known = append(known, http.CanonicalHeaderKey(name))
		header, place := asMap(asMap(response["headers"])[name]), at+pointer("headers", name)
		if ref, ok := header["$ref"].(string); ok {
			place = strings.TrimPrefix(ref, "#")
			header = asMap(asMap(asMap(c.document["components"])["headers"])[strings.TrimPrefix(place, "/components/headers/")])
		}
		value := h.Get(name)
		if value == "" {
			if header["required"] == true {
				complaints = append(complaints, "no header "+name)
			}
			continue
		}
		text, _ := json.Marshal(value)
		if asMap(header["schema"])["type"] == "integer" {
			text = []byte(value)
		}
		for _, complaint := range c.validate(place+"/schema", text) {
			complaints = append(complaints, "header "+name+": "+complaint)
		}
	}
	for name := range h {
		if !slices.Contains(known, name) {
			complaints = append(complaints, "undocumented header "+name)
		}
	}
	return complaints
}

// validate holds JSON against the schema at a place in the contract.
func (c *checker) validate(at string, text []byte) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	schema, err := c.compiler.Compile(contractURL + "#" + at)
	if err != nil {
		return []string{err.Error()}
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return []string{fmt.Sprintf("%v: %q", err, text)}
	}
	if err := schema.Validate(value); err != nil {
		return []string{fmt.Sprintf("%v: %s", err, text)}
	}
	return nil
}
