package fuzzapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/topcentral/spillway/lab/contract"
)

// document describes a small API, which service answers.
const document = `
openapi: 3.1.0
paths:
  /agents:
    get: {operationId: listAgents, security: [], responses: {'200': {headers: {X-Request-Id: {schema: {type: string}}}, content: {application/json: {schema: {type: object}}}}}}
  /agents/{id}:
    get:
      operationId: getAgent
      security: []
      parameters: [{name: id, in: path, schema: {type: string}}]
      responses: {'200': {headers: {X-Request-Id: {schema: {type: string}}}, content: {application/json: {schema: {type: object}}}}}
  /jobs:
    post:
      operationId: submitJob
      security: [{key: [jobs:write]}]
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Submission'}}}}
      responses:
        '202': {headers: {X-Request-Id: {schema: {type: string}}}, content: {application/json: {schema: {type: object, required: [id]}}}}
        '400': {$ref: '#/components/responses/Any'}
        '401': {$ref: '#/components/responses/Any'}
        '413': {$ref: '#/components/responses/Any'}
        '415': {$ref: '#/components/responses/Any'}
components:
  responses:
    Any: {headers: {X-Request-Id: {schema: {type: string}}}, content: {application/problem+json: {schema: {type: object, required: [status]}}}}
    NotFound: {headers: {X-Request-Id: {schema: {type: string}}}, content: {application/problem+json: {schema: {type: object}}}}
    MethodNotAllowed: {headers: {Allow: {schema: {type: string}}, X-Request-Id: {schema: {type: string}}}, content: {application/problem+json: {schema: {type: object}}}}
  schemas:
    Submission:
      type: object
      additionalProperties: false
      required: [agent, input]
      properties: {agent: {type: string, minLength: 1, maxLength: 64}, input: {type: object}}
`

// service refuses every submission that it is not sure of. With a fault it is as
// a careless service may be.
type service struct {
	fault string
	mu    sync.Mutex // guards asked
	asked []string
}

const fullKey = "key_0123456789012345678901234567890123456789"

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.asked = append(s.asked, fmt.Sprintf("%s %s %s", r.Method, r.URL, body))
	s.mu.Unlock()
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Request-Id", "r")
	if id := r.Header.Get("X-Request-Id"); goodID.MatchString(id) {
		w.Header().Set("X-Request-Id", id)
	}
	agent, isAgent := strings.CutPrefix(r.URL.EscapedPath(), "/agents/")
	isAgent = isAgent && agent != "" && !strings.Contains(agent, "/")
	path := r.URL.EscapedPath()
	switch get := r.Method == http.MethodGet || r.Method == http.MethodHead; {
	case (path == "/agents" || isAgent) && get:
		s.show(w, r, http.StatusOK, map[string]any{"agents": []any{map[string]string{"id": "A"}}})
	case path == "/agents" || isAgent:
		s.refuse(w, r, http.StatusMethodNotAllowed, "OPTIONS, GET, HEAD")
	case path != "/jobs":
		s.refuse(w, r, http.StatusNotFound, "")
	case r.Method != http.MethodPost:
		s.refuse(w, r, http.StatusMethodNotAllowed, "OPTIONS, POST")
	case !slices.Equal(r.Header.Values("Authorization"), []string{"Bearer " + fullKey}) && s.fault != "open":
		s.refuse(w, r, http.StatusUnauthorized, "")
	default:
		s.submit(w, r, body)
	}
}

func (s *service) submit(w http.ResponseWriter, r *http.Request, body []byte) {
	var submission map[string]any
	agent := func() bool { a, ok := submission["agent"].(string); return ok && a != "" && len(a) <= 64 }
	err := json.Unmarshal(body, &submission)
	_, isObject := submission["input"].(map[string]any)
	switch media := r.Header.Get("Content-Type"); {
	case media != "application/json" || r.Header.Get("Content-Encoding") != "":
		s.refuse(w, r, http.StatusUnsupportedMediaType, "")
	case len(body) > 4096:
		s.refuse(w, r, http.StatusRequestEntityTooLarge, "")
	case s.fault == "panic" && err != nil:
		panic("cannot read it")
	case s.fault != "lenient" && (err != nil || !agent() || !isObject || len(submission) != 2 || strings.Count(string(body), `"agent"`) > 1 || !utf8.Valid(body)):
		s.refuse(w, r, http.StatusBadRequest, "")
	default:
		s.show(w, r, http.StatusAccepted, map[string]string{"id": "job_1"})
	}
}

func (s *service) show(w http.ResponseWriter, r *http.Request, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	if s.fault == "header" {
		w.Header().Set("X-Powered-By", "us")
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(v)
	}
}

func (s *service) refuse(w http.ResponseWriter, r *http.Request, status int, allow string) {
	if allow != "" {
		w.Header().Set("Allow", allow)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	if s.fault == "content type" {
		w.Header().Set("Content-Type", "text/plain")
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "code": "x", "request_id": w.Header().Get("X-Request-Id")})
	}
}

// fuzz asks a service, and returns what was found.
func fuzz(t *testing.T, s *service, seed uint64) *Report {
	t.Helper()
	c, err := contract.Read([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), Config{Seed: seed, Requests: 500, Stacks: 1, Open: func() (*Stack, error) {
		return &Stack{
			Contract: c, Handler: s, Closing: s, MaxBody: 4096, Close: func() {},
			Callers: func(context.Context, int) (Callers, error) {
				return Callers{Full: fullKey, Other: "key_other_" + fullKey, Dead: "key_dead_" + fullKey}, nil
			},
			Logged: func() string {
				if s.fault == "log" {
					return "level=ERROR msg=\"failed\""
				}
				return ""
			},
		}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestCarelessServicesAreFoundOut(t *testing.T) {
	for fault, want := range map[string]string{
		"open": "must get [401 429]", "panic": "panic: cannot read it", "lenient": "must get [400]",
		"header": "undocumented header X-Powered-By", "content type": `Content-Type "text/plain"`, "log": "the log holds an error",
	} {
		report := fuzz(t, &service{fault: fault}, 1)
		if !slices.ContainsFunc(report.Failures, func(err error) bool { return strings.Contains(err.Error(), want) }) {
			t.Errorf("%s: not found; %v", fault, report.Failures)
		}
	}
}

func TestTheSameSeedAsksTheSame(t *testing.T) {
	first, again, other := new(service), new(service), new(service)
	fuzz(t, first, 1)
	fuzz(t, again, 1)
	fuzz(t, other, 2)
	if !slices.Equal(first.asked, again.asked) {
		t.Error("the same seed has asked something else")
	}
	if slices.Equal(first.asked, other.asked) {
		t.Error("another seed has asked the same")
	}
}
