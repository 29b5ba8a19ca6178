package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/topcentral/spillway/api/internal/contract"
	contractlab "github.com/topcentral/spillway/lab/contract"
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
		r.Header.Set("Content-Type", contract.MediaJSON)
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
type checker struct{ *contractlab.Contract }

// Agent is part of AgentDefinition, and so must stay open.
var closedContract = sync.OnceValues(func() (*contractlab.Contract, error) { return contractlab.Read(openapiYAML, "Agent") })

func newChecker(t testing.TB) *checker {
	t.Helper()
	c, err := closedContract()
	if err != nil {
		t.Fatal(err)
	}
	return &checker{c}
}

// check wraps next so that each of its responses is held against the contract.
func (c *checker) check(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, path := r.Method, r.URL.EscapedPath()
		seen := &tee{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		if method == http.MethodOptions {
			return
		}
		response := contractlab.Response{Status: seen.status, Header: seen.Header(), Body: seen.body.Bytes()}
		for _, complaint := range c.Complaints(method, path, response) {
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

func asMap(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}
