package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/internal/contract"
	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

// keyring makes API keys that a Guard admits.
type keyring struct {
	keys  *access.Keys
	guard *access.Guard
}

func newKeyring(t *testing.T, cfg access.Config) keyring {
	t.Helper()
	cfg.Keys = access.NewKeys(redistest.Embedded(t))
	return keyring{cfg.Keys, access.New(cfg)}
}

// bearer returns an Authorization header of a new key.
func (k keyring) bearer(t *testing.T, tenant string, scopes ...access.Scope) string {
	t.Helper()
	text, _, err := k.keys.Create(t.Context(), access.Key{Tenant: tenant, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + text
}

// roles are the callers of the matrix, and what each may do.
func rolesOfMatrix() map[string][]access.Scope {
	roles := map[string][]access.Scope{}
	for _, r := range access.Roles() {
		roles[string(r)] = r.Scopes()
	}
	for _, s := range access.Scopes() {
		roles["only "+string(s)] = []access.Scope{s}
	}
	return roles
}

// TestEveryRouteByEveryRoleAndTenant is made from the contract: a route that is
// added is tested, and one that forgets its scope, or whose job it shows, fails.
func TestEveryRouteByEveryRoleAndTenant(t *testing.T) {
	published, err := contract.Read(openapiYAML)
	if err != nil {
		t.Fatal(err)
	}
	ring, m := newKeyring(t, access.Config{}), newMemory()
	h := newAPI(t, Config{Guard: ring.guard}, m.deps())
	peers := 0
	for role, scopes := range rolesOfMatrix() {
		peers++ // since callers without a credential are counted by address
		peer := fmt.Sprintf("198.51.100.%d:1", peers)
		own, other := ring.bearer(t, "acme", scopes...), ring.bearer(t, "other", scopes...)
		may := access.Principal{Scopes: scopes}
		for _, op := range published.Operations {
			t.Run(fmt.Sprintf("%s %s by %s", op.Method, op.Path, role), func(t *testing.T) {
				ask := func(path, as string) *httptest.ResponseRecorder {
					return do(t, h, op.Method, path, exampleBody(published, op), "Authorization", as)
				}
				path := examplePath(t, published, m, op, "acme")
				mine := ask(path, own)
				switch {
				case len(op.Scopes) == 0:
					if anonymous := do(t, h, op.Method, path, ""); mine.Code >= 400 || anonymous.Code >= 400 {
						t.Fatalf("a public route: got %d, and %d without a key", mine.Code, anonymous.Code)
					}
					return
				case !may.Can(op.Scopes...):
					if mine.Code != http.StatusForbidden || !strings.Contains(mine.Header().Get("WWW-Authenticate"), `error="insufficient_scope"`) {
						t.Fatalf("without the scope: got %d %v, want 403", mine.Code, mine.Header())
					}
				case mine.Code >= 400 && mine.Code != http.StatusConflict: // such as a retry of what runs
					t.Fatalf("with the scope: got %d %s", mine.Code, mine.Body)
				}
				stranger := newRequest(t, op.Method, path, "{", contract.MediaJSON)
				stranger.RemoteAddr = peer
				if anonymous := serve(h, stranger); anonymous.Code != http.StatusUnauthorized {
					t.Errorf("without a key: got %d, want 401 before anything else", anonymous.Code)
				}
				if !strings.HasPrefix(op.Path, "/jobs/{id}") || !may.Can(op.Scopes...) {
					return
				}
				path = examplePath(t, published, m, op, "acme")
				none := strings.Replace(op.Path, "{id}", "job_"+strings.Repeat("0", 32), 1)
				theirs, missing := ask(path, other), ask(none, other)
				if may.Can(access.AdminRead) && op.Method == http.MethodGet {
					if theirs.Code == http.StatusNotFound || missing.Code != http.StatusNotFound {
						t.Errorf("an operator of another tenant: got %d, and %d for a job that does not exist", theirs.Code, missing.Code)
					}
					return
				}
				if theirs.Code != http.StatusNotFound || without(theirs) != without(missing) {
					t.Errorf("another's job: got %d %s, want what a job that does not exist gets: %d %s", theirs.Code, theirs.Body, missing.Code, missing.Body)
				}
			})
		}
	}
}

// without returns a problem without what differs from request to request.
func without(w *httptest.ResponseRecorder) string {
	text := w.Body.String()
	for _, member := range []string{`"instance":"`, `"request_id":"`} {
		if _, rest, ok := strings.Cut(text, member); ok {
			value, _, _ := strings.Cut(rest, `"`)
			text = strings.Replace(text, member+value, member, 1)
		}
	}
	return text
}

// examplePath fills in the path of an operation: the ID of a new job of the
// tenant, or the contract's example. The job has ended where a stream would wait.
func examplePath(t *testing.T, c *contract.Contract, m *memory, op contract.Operation, tenant string) string {
	t.Helper()
	if strings.HasPrefix(op.Path, "/jobs/{id}") {
		job, _, err := m.Submit(t.Context(), tenant, &tasks.Submission{Agent: "A02"})
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(op.Path, "/events") {
			m.becomes(job.ID, tasks.Succeeded)
		}
		return strings.Replace(op.Path, "{id}", job.ID, 1)
	}
	item := asMap(asMap(c.Document["paths"])[op.Path])
	own, _ := asMap(item[strings.ToLower(op.Method)])["parameters"].([]any)
	shared, _ := item["parameters"].([]any)
	path := op.Path
	for _, p := range append(own, shared...) {
		parameter := asMap(p)
		if ref, ok := parameter["$ref"].(string); ok {
			parameter = asMap(asMap(asMap(c.Document["components"])["parameters"])[strings.TrimPrefix(ref, "#/components/parameters/")])
		}
		if parameter["in"] == "path" {
			path = strings.Replace(path, fmt.Sprintf("{%v}", parameter["name"]), fmt.Sprint(parameter["example"]), 1)
		}
	}
	return path
}

// exampleBody returns a body that suits the operation.
func exampleBody(c *contract.Contract, op contract.Operation) string {
	if !op.HasBody() {
		return ""
	}
	item := asMap(asMap(asMap(c.Document["paths"])[op.Path])[strings.ToLower(op.Method)])
	example, ok := asMap(asMap(asMap(item["requestBody"])["content"])["application/json"])["example"]
	if !ok {
		return submission
	}
	body, _ := json.Marshal(example) // it was YAML
	return string(body)
}

func TestRefusalsTellWhatWouldHelp(t *testing.T) {
	ring := newKeyring(t, access.Config{Rate: access.Rate{Requests: 2, Per: time.Hour, Burst: 2}})
	h := newAPI(t, Config{Guard: ring.guard}, newMemory().deps())
	good := ring.bearer(t, "acme", access.JobsRead)
	for _, c := range []struct {
		name, as         string
		status           int
		code             tasks.Code
		challenge, after string
	}{
		{"nothing", "", 401, tasks.CodeNoCredential, `Bearer realm="spillway"`, ""},
		{"another scheme", "Basic c3B3", 401, tasks.CodeNoCredential, `error="invalid_token"`, ""},
		{"no key", "Bearer spw_live_x", 401, tasks.CodeNoCredential, `error="invalid_token"`, ""},
		{"a token where none count", "Bearer eyJhbGciOiJub25lIn0.e30.", 401, tasks.CodeNoCredential, `error="invalid_token"`, ""},
		{"another scope", good, 403, tasks.CodeForbidden, `scope="agents:read"`, ""},
		{"again", good, 403, tasks.CodeForbidden, `scope="agents:read"`, ""},
		{"too often", good, 429, tasks.CodeRateLimited, "", "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var headers []string
			if c.as != "" {
				headers = []string{"Authorization", c.as}
			}
			w := do(t, h, "GET", "/agents", "", headers...)
			if p := decode[httpx.Problem](t, w); w.Code != c.status || p.Code != c.code {
				t.Errorf("got %d %s, want %d %s", w.Code, w.Body, c.status, c.code)
			}
			if got := w.Header().Get("WWW-Authenticate"); !strings.Contains(got, c.challenge) || (c.challenge == "") != (got == "") {
				t.Errorf("WWW-Authenticate: got %s, want %s", got, c.challenge)
			}
			if got := w.Header().Get("Retry-After"); !strings.HasPrefix(got, c.after) || (c.after == "") != (got == "") {
				t.Errorf("Retry-After: got %q, want %q", got, c.after)
			}
		})
	}
}

func TestAddressesThatMayNotCallReachNothing(t *testing.T) {
	networks, err := access.ParseNetworks("203.0.113.0/24")
	if err != nil {
		t.Fatal(err)
	}
	h := newAPI(t, Config{Guard: access.New(access.Config{Allow: networks})}, newMemory().deps())
	for _, path := range []string{"/agents", "/health", "/openapi.yaml", "/nothing"} {
		w := do(t, h, "GET", path, "", "X-Forwarded-For", "203.0.113.7", "X-Real-Ip", "203.0.113.7")
		if path != "/nothing" && w.Code != http.StatusForbidden {
			t.Errorf("%s: got %d, want 403", path, w.Code)
		}
	}
	r := newRequest(t, "GET", "/agents", "", "")
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr("203.0.113.7"), 4711).String()
	if w := serve(h, r); w.Code != http.StatusOK {
		t.Errorf("from where callers may call: got %d", w.Code)
	}
}

func TestStreamEndsWithItsKey(t *testing.T) {
	ring, m := newKeyring(t, access.Config{}), newMemory()
	h := newAPI(t, Config{Guard: ring.guard}, m.deps())
	text, key, err := ring.keys.Create(t.Context(), access.Key{Tenant: "default", Scopes: []access.Scope{access.JobsRead}})
	if err != nil {
		t.Fatal(err)
	}
	target := "/jobs/" + m.submitted(t).ID + "/events"
	r := newRequest(t, "GET", target, "", "")
	r.Header.Set("Authorization", "Bearer "+text)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		serve(h, r)
	}()
	if _, err := ring.keys.Revoke(context.WithoutCancel(t.Context()), key.ID, "me"); err != nil {
		t.Fatal(err)
	}
	await(t, ended)
}
