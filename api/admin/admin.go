package admin

import (
	"context"
	"crypto/rand"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/audit"
	"github.com/topcentral/spillway/api/console"
	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

// Config has what the pages share with the rest of the program.
type Config struct {
	// Guard authenticates and admits callers.
	Guard *access.Guard
	// Login is whether operators have to log in.
	Login bool
	// Audit records who changed what. Default: nothing is recorded.
	Audit *audit.Log
	// Log gets the causes that callers do not see.
	Log *slog.Logger
	// Queues is the Redis that the queues are in. Default: there is no dashboard and no
	// login, only probes, metrics and profiles.
	Queues redis.UniversalClient
	// Metrics are those that Prometheus reads. Default: none.
	Metrics prometheus.Gatherer
	// Console shows the fleet and the jobs. Default: there is none.
	Console *console.Console
	// Health reports the health of each part.
	Health func(context.Context) api.Health
}

//go:embed pages
var pages embed.FS

// server answers operators.
type server struct {
	Config

	pages     *template.Template
	dashboard *dashboard
	reads     reads
	mux       *http.ServeMux
}

// handler answers a request, or returns why it does not.
type handler func(http.ResponseWriter, *http.Request) error

// healthLimit is how long the health check may take.
const healthLimit = 5 * time.Second

// New returns the handler of the listener for operators.
func New(cfg Config) (http.Handler, error) {
	templates, err := template.ParseFS(pages, "pages/*.html")
	if err != nil {
		return nil, err
	}
	s := &server{Config: cfg, pages: templates, mux: http.NewServeMux()}
	if cfg.Queues != nil {
		if s.dashboard, err = newDashboard(cfg.Queues); err != nil {
			return nil, err
		}
		s.forPeople()
	}
	s.public("GET /livez", s.live)
	s.public("GET /readyz", s.ready)
	s.public("GET /health", s.health)
	s.private("GET "+profilesRoot, profile)
	if cfg.Metrics != nil {
		s.private("GET "+metricsPath, s.metrics())
	}
	s.public("/", nothing)
	return s.receive(http.NewCrossOriginProtection()), nil
}

// forPeople routes the pages.
func (s *server) forPeople() {
	s.public("GET /admin.css", s.style)
	s.public("GET /login", s.loginPage)
	s.public("POST /login", withForm(s.recorded(action("login"), s.login)))
	s.public("POST /logout", s.recorded(action("logout"), s.logout))
	s.private("GET /{$}", s.home)
	s.private(dashboardRoot+"/", s.board)
	if s.Console != nil {
		s.Console.Routes(func(pattern string, h func(http.ResponseWriter, *http.Request) error) { s.private(pattern, h) })
	}
}

// public routes requests that anyone may make.
func (s *server) public(pattern string, h handler) {
	h = recoverPanics(h)
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// private routes requests of operators: reading needs admin:read, and a change
// admin:write as well. Changes are recorded, and so is who reads a tenant's jobs.
func (s *server) private(pattern string, h handler) {
	admitted := func(w http.ResponseWriter, r *http.Request) error {
		need := []access.Scope{access.AdminRead}
		if mutates(r) {
			need = append(need, access.AdminWrite)
		}
		r, err := s.admit(w, r, need...)
		if err != nil {
			return err
		}
		if err := audit.Reserve(r.Context()); err != nil {
			return err
		}
		return h(w, r)
	}
	recorded := s.recorded(changeOf, admitted)
	s.public(pattern, func(w http.ResponseWriter, r *http.Request) error {
		if mutates(r) || s.reads.first(r) {
			return recorded(w, r)
		}
		return admitted(w, r)
	})
}

// changeOf names a change, or a read of tenants' data: console.cancel,
// console.read, dashboard.post.
func changeOf(r *http.Request) string {
	if !mutates(r) {
		return "console.read"
	}
	if strings.HasPrefix(r.URL.Path, console.Root+"/") {
		return "console." + path.Base(r.URL.Path)
	}
	return "dashboard." + strings.ToLower(r.Method)
}

// recoverPanics turns a panic into an error.
func recoverPanics(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return httpx.Recover(func() error { return h(w, r) })
	}
}

func mutates(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

// answerTime is how long a caller may need to read a part of an answer.
const answerTime = 30 * time.Second

// receive does what is common to all requests.
func (s *server) receive(protection *http.CrossOriginProtection) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w = httpx.WithDeadlines(w, r, formTime, answerTime)
		h := w.Header()
		h.Set("X-Request-Id", "req_"+strings.ToLower(rand.Text()))
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", policy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", access.StrictTransport)
		}
		h.Set("X-Frame-Options", "DENY")
		entered, err := s.Guard.CheckOrigin(r)
		if err == nil {
			if cross := protection.Check(r); cross != nil {
				err = tasks.Errorf(tasks.CodeForbidden, "A page of another site may not do this.").WithCause(cross)
			}
		}
		if err != nil {
			httpx.WriteProblem(s.Log, w, r, err)
			return
		}
		s.mux.ServeHTTP(w, entered)
	})
}

// policy is the Content-Security-Policy of our own pages: they have no scripts.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func nothing(http.ResponseWriter, *http.Request) error {
	return tasks.Errorf(tasks.CodeNotFound, "Nothing exists at this path.")
}

// fail answers with err. People who have to log in are redirected to the login page.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	page := r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html")
	if s.Login && page && tasks.CodeOf(err) == tasks.CodeNoCredential && len(r.Header.Values("Authorization")) == 0 {
		http.Redirect(w, r, loginAt(r.URL.Path), http.StatusSeeOther)
		return
	}
	httpx.WriteProblem(s.Log, w, r, err)
}

// admit returns r with the principal that makes it, who is recorded with it, or an
// error if the credential does not have the scopes.
func (s *server) admit(w http.ResponseWriter, r *http.Request, need ...access.Scope) (*http.Request, error) {
	admitted, err := s.Guard.Admit(w, r, need...)
	if err != nil {
		return nil, err
	}
	audit.SetPrincipal(r.Context(), access.From(admitted.Context()))
	return admitted, nil
}

// action returns a constant name.
func action(name string) func(*http.Request) string {
	return func(*http.Request) string { return name }
}

// recorded returns h with an audit line for each request.
func (s *server) recorded(action func(*http.Request) string, h handler) handler {
	h = recoverPanics(h) // otherwise a change that panics would leave no line
	return func(w http.ResponseWriter, r *http.Request) error {
		held := audit.NewResponse(w, s.Audit, func(_ int, h http.Header) audit.Entry {
			return audit.Entry{Action: action(r), Object: readOf(r), RequestID: h.Get("X-Request-Id")}.By(access.From(r.Context()))
		}, func(err error) { httpx.WriteProblem(s.Log, w, r, err) })
		defer held.Release()
		r = r.WithContext(held.NewContext(r.Context()))
		if err := h(held, r); err != nil {
			s.fail(held, r, err)
		}
		return nil
	}
}
