package admin

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/audit"
	"github.com/topcentral/spillway/api/console"
	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

// site is what operators use.
type site struct {
	http.Handler

	keys   *access.Keys
	rdb    *redis.Client
	audit  string // file of the audit log, which takes one change at a time
	status api.HealthStatus
}

// newSite returns one; login is whether operators must log in.
func newSite(t *testing.T, login bool) *site {
	t.Helper()
	s := &site{rdb: redistest.Embedded(t), audit: filepath.Join(t.TempDir(), "audit.jsonl"), status: api.HealthOK}
	s.keys = access.NewKeys(s.rdb)
	guard := access.Config{Everyone: []access.Scope{access.AdminRead}, Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	if login {
		guard.Keys, guard.Sessions = s.keys, access.NewSessions(s.rdb)
	}
	log, err := audit.Open(audit.Config{File: s.audit, Patience: time.Minute, Pending: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	page, err := console.New(console.Config{
		Jobs: noJobs{}, Workers: func(context.Context) ([]tasks.Worker, error) { return nil, nil },
		Health: func(context.Context) api.Health { return api.Health{} }, Agents: func() []string { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Handler, err = New(Config{
		Console: page,
		Guard:   access.New(guard), Login: login, Audit: log, Log: slog.New(slog.DiscardHandler), Queues: s.rdb, Metrics: someMetrics(),
		Health: func(context.Context) api.Health {
			if s.status == "" {
				panic("nobody knows")
			}
			return api.Health{Status: s.status}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// noJobs has none; what is not overridden is not called.
type noJobs struct{ console.Jobs }

func (noJobs) Tenants(context.Context) ([]string, error) { return []string{"acme"}, nil }

func (noJobs) List(context.Context, string, tasks.JobFilter) (*tasks.JobPage, error) {
	return &tasks.JobPage{}, nil
}

func (noJobs) Find(_ context.Context, id string) (*tasks.Job, error) {
	return nil, tasks.Errorf(tasks.CodeNotFound, "There is no job %s.", id)
}

// reply is what came back.
type reply struct {
	status  int
	header  http.Header
	body    string
	cookies []*http.Cookie
}

func (s *site) do(t *testing.T, method, target string, form url.Values, change func(*http.Request)) reply {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	result := w.Result()
	defer result.Body.Close()
	return reply{w.Code, w.Header(), w.Body.String(), result.Cookies()}
}

func (s *site) key(t *testing.T, scopes ...access.Scope) string {
	t.Helper()
	text, _, err := s.keys.Create(t.Context(), access.Key{Tenant: "ops", Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (s *site) login(t *testing.T, credential, next string) reply {
	t.Helper()
	return s.do(t, "POST", "/login", url.Values{"credential": {credential}, "next": {next}}, nil)
}

// recorded counts the lines of the audit log that match.
func (s *site) recorded(t *testing.T, pattern string) int {
	t.Helper()
	text, err := os.ReadFile(s.audit)
	if err != nil {
		t.Fatal(err)
	}
	return len(regexp.MustCompile(pattern).FindAllString(string(text), -1))
}

func bearer(key string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) }
}

func TestOperatorsLogInAndOut(t *testing.T) {
	s := newSite(t, true)
	asPage := func(r *http.Request) { r.Header.Set("Accept", "text/html") }
	if r := s.do(t, "GET", "/dashboard/queues", nil, asPage); r.status != http.StatusSeeOther || r.header.Get("Location") != "/login?next=%2Fdashboard%2Fqueues" {
		t.Errorf("a stranger: got %d %v", r.status, r.header)
	}
	if r := s.do(t, "GET", "/login?next=/dashboard/queues", nil, nil); r.status != http.StatusOK || !strings.Contains(r.body, `value="/dashboard/queues"`) {
		t.Errorf("the page: got %d", r.status)
	}
	r := s.login(t, s.key(t, access.AdminRead), "/dashboard/queues")
	if r.status != http.StatusSeeOther || r.header.Get("Location") != "/dashboard/queues" || len(r.cookies) != 1 {
		t.Fatalf("login: got %d %v", r.status, r.header)
	}
	with := func(r2 *http.Request) { r2.AddCookie(r.cookies[0]) }
	for _, path := range []string{"/", "/dashboard/", "/dashboard/queues/local.high", "/dashboard/api/queues"} {
		if r := s.do(t, "GET", path, nil, with); r.status != http.StatusOK {
			t.Errorf("%s: got %d", path, r.status)
		}
	}
	if r := s.do(t, "POST", "/logout", nil, with); r.status != http.StatusSeeOther {
		t.Errorf("logout: got %d", r.status)
	}
	if r := s.do(t, "GET", "/", nil, with); r.status != http.StatusUnauthorized {
		t.Errorf("after the logout: got %d", r.status)
	}
	for _, pattern := range []string{`"tenant":"ops","method":"key","subject":"\w+","ip":"192.0.2.1","action":"login".*"status":303`, `"tenant":"ops".*"action":"logout".*"status":303`} {
		if got := s.recorded(t, pattern); got != 1 {
			t.Errorf("%d lines like %s", got, pattern)
		}
	}
}

func TestAddressesThatMayNotCallReachNothing(t *testing.T) {
	s := newSite(t, true)
	for _, path := range []string{"/", "/login", "/livez", "/nothing"} {
		r := s.do(t, "GET", path, nil, func(r *http.Request) { r.RemoteAddr = "198.51.100.1:1" })
		if r.status != http.StatusForbidden || !strings.Contains(r.body, `"code":"forbidden"`) {
			t.Errorf("%s: got %d %s", path, r.status, r.body)
		}
	}
}

func TestWhoIsRefusedLearnsNothing(t *testing.T) {
	s := newSite(t, true)
	var pages []string
	for _, credential := range []string{"", "guess", "spw_live_4fQ0aT2bXk9Z_x", s.key(t, access.JobsRead)} {
		r := s.login(t, credential, "/")
		if r.status != http.StatusForbidden || len(r.cookies) > 0 {
			t.Errorf("%q: got %d", credential, r.status)
		}
		pages = append(pages, r.body)
	}
	for _, page := range pages {
		if page != pages[0] {
			t.Errorf("the answers differ:\n%s\n%s", pages[0], page)
		}
	}
	if got := s.recorded(t, `"action":"login".*"outcome":"refused"`); got != len(pages) {
		t.Errorf("%d lines of refused logins", got)
	}
	for range 6 {
		s.login(t, "guess", "/")
	}
	if r := s.login(t, "guess", "/"); r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") == "" {
		t.Errorf("too often: got %d", r.status)
	}
}

func TestALoginLeadsNowhereElse(t *testing.T) {
	for _, next := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)", "evil", "/\t/evil.example"} {
		if got := local(next); got != "/" {
			t.Errorf("%q: got %q", next, got)
		}
	}
}

// slowBody is a body that does not come.
type slowBody struct{ asked, end chan struct{} }

func (b slowBody) Read([]byte) (int, error) {
	close(b.asked)
	<-b.end
	return 0, io.ErrUnexpectedEOF
}

// The places of the audit log are few, and everyone can begin to log in.
func TestALoginThatDoesNotComeHoldsUpNoOther(t *testing.T) {
	s := newSite(t, true)
	slow, ended := slowBody{make(chan struct{}), make(chan struct{})}, make(chan int)
	go func() {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/login", slow)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		ended <- w.Code
	}()
	<-slow.asked
	if r := s.login(t, s.key(t, access.AdminRead), "/"); r.status != http.StatusSeeOther {
		t.Errorf("another login: got %d", r.status)
	}
	close(slow.end)
	if got := <-ended; got != http.StatusBadRequest {
		t.Errorf("the slow one: got %d", got)
	}
}

func TestAPanicIsAnsweredAndRecorded(t *testing.T) {
	site := newSite(t, true)
	site.status = ""
	if r := site.do(t, "GET", "/health", nil, nil); r.status != http.StatusInternalServerError || r.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %d %v", r.status, r.header)
	}
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	log, err := audit.Open(audit.Config{File: file})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s := &server{Config: Config{Audit: log, Log: slog.New(slog.DiscardHandler)}}
	w := httptest.NewRecorder()
	h := s.recorded(action("burn"), func(http.ResponseWriter, *http.Request) error { panic("fire") })
	if err := h(w, httptest.NewRequestWithContext(t.Context(), "POST", "/", http.NoBody)); err != nil || w.Code != http.StatusInternalServerError {
		t.Errorf("got %d, %v", w.Code, err)
	}
	site.audit = file
	if got := site.recorded(t, `"action":"burn".*"outcome":"failed","status":500`); got != 1 {
		t.Errorf("got %d lines", got)
	}
}

func TestProfilesAreForOperators(t *testing.T) {
	s := newSite(t, true)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/trace?seconds=0.001"} {
		for as, want := range map[string]int{"": 401, s.key(t, access.JobsRead): 403, s.key(t, access.AdminRead): 200} {
			var change func(*http.Request)
			if as != "" {
				change = bearer(as)
			}
			if r := s.do(t, "GET", path, nil, change); r.status != want {
				t.Errorf("%s: got %d, want %d", path, r.status, want)
			}
		}
	}
}

func TestScopesDecideWhatTheDashboardCan(t *testing.T) {
	s := newSite(t, true)
	client := asynq.NewClientFromRedisClient(s.rdb)
	if _, err := client.Enqueue(asynq.NewTask("job", []byte(`{"job":"job_1","lane":"local","input":{"customer":"hush"},"id":{"x":"hush"}}`)), asynq.Queue("local.high")); err != nil {
		t.Fatal(err)
	}
	const pause = "/dashboard/api/queues/local.high:pause"
	look, change := s.key(t, access.AdminRead), s.key(t, access.AdminRead, access.AdminWrite)
	for _, c := range []struct {
		name, as string
		status   int
	}{{"who looks", look, 403}, {"who changes", change, 204}, {"nobody", "", 401}, {"another's", s.key(t, access.JobsWrite), 403}} {
		var as func(*http.Request)
		if c.as != "" {
			as = bearer(c.as)
		}
		before := s.recorded(t, pause)
		if r := s.do(t, "POST", pause, nil, as); r.status != c.status {
			t.Errorf("%s: got %d %s", c.name, r.status, r.body)
		}
		if got := s.recorded(t, pause) - before; got != 1 {
			t.Errorf("%s: got %d audit lines", c.name, got)
		}
	}
	if got := s.recorded(t, `"action":"dashboard.post","object":"`+pause+`","outcome":"done","status":204`); got != 1 {
		t.Errorf("the change: got %d lines", got)
	}
	for as, readOnly := range map[string]string{look: "true", change: "false"} {
		if page := s.do(t, "GET", "/dashboard/", nil, bearer(as)).body; !strings.Contains(page, `FLAG_READ_ONLY="`+readOnly) {
			t.Errorf("got another page than that with read-only %s", readOnly)
		}
	}
	tasks := s.do(t, "GET", "/dashboard/api/queues/local.high/pending_tasks", nil, bearer(look)).body
	if !strings.Contains(tasks, "job_1") || strings.Contains(tasks, "hush") {
		t.Errorf("got %s", tasks)
	}
}

func TestStrangersCannotFillTheAuditLog(t *testing.T) {
	s := newSite(t, true)
	const many = 1000 // far more than an address without a credential may ask in a minute
	for range many {
		s.do(t, "POST", "/logout", nil, nil)
		s.do(t, "POST", "/dashboard/api/queues/local.high:pause", nil, nil)
	}
	if got := s.recorded(t, `"ip":"192.0.2.1"`); got >= many {
		t.Errorf("got %d lines", got)
	}
}

func TestPagesElsewhereCanDoNothing(t *testing.T) {
	s := newSite(t, true)
	cookie := s.login(t, s.key(t, access.Scopes()...), "/").cookies[0]
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		for _, path := range []string{"/login", "/logout", "/dashboard/api/queues/local.high:pause"} {
			r := s.do(t, "POST", path, nil, func(r *http.Request) {
				r.AddCookie(cookie)
				r.Header.Set(name, value)
			})
			if r.status != http.StatusForbidden {
				t.Errorf("%s from %s: got %d", path, value, r.status)
			}
		}
	}
}

func TestPagesFetchNothingFromElsewhere(t *testing.T) {
	s := newSite(t, false)
	elsewhere := regexp.MustCompile(`(?:src|href)="(?:https?:)?//`)
	for _, path := range []string{"/", "/dashboard/", "/dashboard/servers", "/login", "/nothing"} {
		r := s.do(t, "GET", path, nil, nil)
		if text := r.body; elsewhere.MatchString(text) || strings.Contains(text, "manifest") {
			t.Errorf("%s: %s", path, text)
		}
		policy := r.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || regexp.MustCompile(`script-src[^;]*unsafe`).MatchString(policy) {
			t.Errorf("%s: got the policy %s", path, policy)
		}
		if r.header.Get("X-Content-Type-Options") != "nosniff" || r.header.Get("X-Frame-Options") != "DENY" || r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got %v", path, r.header)
		}
	}
	if r := s.do(t, "GET", "/dashboard/favicon.ico", nil, nil); r.status != http.StatusOK || strings.Contains(r.header.Get("Content-Type"), "html") {
		t.Errorf("a file: got %d %v", r.status, r.header)
	}
}

func TestWithoutALoginTheDashboardIsReadOnly(t *testing.T) {
	s := newSite(t, false)
	if r := s.do(t, "GET", "/dashboard/api/queues", nil, nil); r.status != http.StatusOK {
		t.Errorf("to look: got %d", r.status)
	}
	if r := s.do(t, "POST", "/dashboard/api/queues/local.high:pause", nil, nil); r.status != http.StatusForbidden {
		t.Errorf("to change: got %d", r.status)
	}
	if r := s.do(t, "GET", "/login", nil, nil); r.status != http.StatusNotFound {
		t.Errorf("to log in: got %d", r.status)
	}
}

func TestProbesNeedNoLogin(t *testing.T) {
	s := newSite(t, true)
	for status, ready := range map[api.HealthStatus]int{api.HealthOK: 200, api.HealthDegraded: 200, api.HealthUnavailable: 503} {
		s.status = status
		for path, want := range map[string]int{"/livez": 200, "/readyz": ready, "/health": ready} {
			if r := s.do(t, "GET", path, nil, nil); r.status != want {
				t.Errorf("%s while %s: got %d, want %d", path, status, r.status, want)
			}
		}
	}
}

// Asynqmon's page about Redis knows only clients of its own making.
func TestTheDashboardHidesThePageThatCannotWork(t *testing.T) {
	s := newSite(t, false)
	page := s.do(t, "GET", "/dashboard/", nil, nil).body
	if !strings.Contains(page, `<style>a[href="/dashboard/redis"]{display:none}</style></head>`) {
		t.Errorf("the link to it is shown:\n%s", page)
	}
}

// Who reads a tenant's jobs in the console is recorded, and not once a second.
func TestReadsOfTheConsoleAreRecorded(t *testing.T) {
	s := newSite(t, true)
	key := s.key(t, access.AdminRead)
	for range 3 {
		for _, path := range []string{"/console", "/console/part", "/console/jobs?tenant=acme&state=failed", "/console/jobs/job_1", "/console/jobs/job_1/part"} {
			s.do(t, http.MethodGet, path, nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) })
		}
	}
	text, err := os.ReadFile(s.audit)
	if err != nil {
		t.Fatal(err)
	}
	for object, want := range map[string]int{`"/console/jobs?tenant=acme"`: 1, `"/console/jobs/job_1"`: 1, `"console.read"`: 2} {
		if n := strings.Count(string(text), object); n != want {
			t.Errorf("%d lines with %s, want %d:\n%s", n, object, want, text)
		}
	}
}
