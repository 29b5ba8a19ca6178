package api

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/internal/contract"
	"github.com/topcentral/spillway/tasks"
)

// Behind a proxy that serves the API under a path, Location and Link lead to
// where the caller reaches the API, whether the proxy is trusted or not.
func TestReferencesUnderAPrefix(t *testing.T) {
	m := newMemory()
	guard := access.New(access.Config{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	h := newAPI(t, Config{Guard: guard}, m.deps())
	for _, tt := range []struct {
		name, peer string
		prefix     []string
		mount      string // where the caller reaches the API
		want       string // what Location begins with
	}{
		{"no proxy", "192.0.2.1:9", nil, "", "/jobs/"},
		{"a trusted proxy", "10.0.0.1:9", []string{"/spillway"}, "/spillway", "/spillway/jobs/"},
		{"a trusted proxy, with a slash", "10.0.0.1:9", []string{"/spillway/"}, "/spillway", "/spillway/jobs/"},
		{"two proxies", "10.0.0.1:9", []string{"/a", "/b/c"}, "/a/b/c", "/a/b/c/jobs/"},
		{"a trusted proxy at the root", "10.0.0.1:9", []string{"/"}, "", "/jobs/"},
		{"a peer that is not trusted", "192.0.2.1:9", []string{"/evil"}, "/spillway", "jobs/"},
		{"a host in place of a path", "10.0.0.1:9", []string{"//evil.example"}, "/spillway", "jobs/"},
		{"a line break", "10.0.0.1:9", []string{"/a%0d%0ab"}, "/spillway", "jobs/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ask := func(method, path, body string) (resp *httptest.ResponseRecorder, base *url.URL) {
				r := newRequest(t, method, path, body, "")
				r.RemoteAddr = tt.peer
				if body != "" {
					r.Header.Set("Content-Type", contract.MediaJSON)
				}
				for _, p := range tt.prefix {
					r.Header.Add("X-Forwarded-Prefix", p)
				}
				base, err := url.Parse("https://crm.example" + tt.mount + path)
				if err != nil {
					t.Fatal(err)
				}
				return serve(h, r), base
			}
			leads := func(reference string, base *url.URL, want string) {
				t.Helper()
				u, err := base.Parse(reference)
				if err != nil || u.Host != "crm.example" || u.Path != tt.mount+want {
					t.Errorf("%q leads to %v from %v, want %s%s", reference, u, base, tt.mount, want)
				}
			}
			w, base := ask("POST", "/jobs", submission)
			job := decode[tasks.Job](t, w)
			if got := w.Header().Get("Location"); !strings.HasPrefix(got, tt.want) {
				t.Errorf("Location: got %q, want %s…", got, tt.want)
			}
			leads(w.Header().Get("Location"), base, "/jobs/"+job.ID)

			m.submitted(t)
			w, base = ask("GET", "/jobs?limit=1", "")
			link, _, _ := strings.Cut(strings.TrimPrefix(w.Header().Get("Link"), "<"), ">")
			leads(link, base, "/jobs")

			m.becomes(job.ID, tasks.Failed)
			w, base = ask("POST", "/jobs/"+job.ID+"/retry", "")
			leads(w.Header().Get("Location"), base, "/jobs/"+job.ID)

			w, base = ask("GET", "/openapi.json", "")
			servers, _ := decode[map[string]any](t, w)["servers"].([]any)
			if len(servers) != 1 {
				t.Fatalf("servers: %v", servers)
			}
			server, _ := asMap(servers[0])["url"].(string)
			leads(server, base, "/")
		})
	}
}

// A filter that is misspelt is refused, not passed over.
func TestUnknownParameters(t *testing.T) {
	h := newAPI(t, Config{}, newMemory().deps())
	for target, want := range map[string]int{
		"/jobs?stat=failed":              400,
		"/jobs?limit=1&Limit=2":          400,
		"/jobs?created_afer=":            400,
		"/agents?limit=1":                400,
		"/agents/A02?verbose":            400,
		"/webhooks/deliveries?job_id=x":  400,
		"/jobs?state=failed&limit=1":     200,
		"/health?probe=1":                200,
		"/docs?utm_source=mail":          200,
		"/openapi.json?v=1":              200,
		"/docs/swagger-ui.css?v=4711abc": 200,
	} {
		w := do(t, h, "GET", target, "")
		if w.Code != want {
			t.Errorf("%s: got %d, want %d: %.200s", target, w.Code, want, w.Body)
		}
		if w.Code == http.StatusBadRequest && !strings.Contains(w.Body.String(), "There is no parameter") {
			t.Errorf("%s: %s", target, w.Body)
		}
	}
	if w := do(t, h, "GET", "/jobs?stat=failed", ""); !strings.Contains(w.Body.String(), `\"stat\"`) || !strings.Contains(w.Body.String(), "state") {
		t.Errorf("names neither the parameter nor those there are: %s", w.Body)
	}
}
