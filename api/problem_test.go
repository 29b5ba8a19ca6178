package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

func TestEveryCodeHasAStatusAndAPage(t *testing.T) {
	page, err := os.ReadFile("problems.md")
	if err != nil {
		t.Fatal(err)
	}
	types := constants(t, "../tasks/error.go", "Code")
	for _, code := range types {
		if !slices.Contains(httpx.Codes(), tasks.Code(code)) {
			t.Errorf("%s has no status", code)
		}
	}
	for _, name := range types {
		if !bytes.Contains(page, []byte("\n## "+name+"\n")) {
			t.Errorf("problems.md does not explain %s", name)
		}
	}
}

func TestEveryErrorIsAProblem(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	done := m.submitted(t)
	m.becomes(done.ID, tasks.Succeeded)
	for _, c := range []struct {
		method, target string
		status         int
		allow          string
	}{
		{"GET", "/nothing/here", 404, ""},
		{"GET", "//jobs", 404, ""},
		{"GET", "/jobs/", 404, ""},
		{"GET", "/jobs/%2e%2e", 404, ""},
		{"GET", "/jobs/job_ABC", 404, ""},
		{"GET", "/jobs/" + tasks.NewID(), 404, ""},
		{"POST", "/jobs/" + tasks.NewID() + "/cancel", 404, ""},
		{"POST", "/jobs/x/cancel", 404, ""},
		{"POST", "/jobs/" + done.ID + "/cancel", 409, ""},
		{"POST", "/jobs/" + tasks.NewID() + "/retry", 404, ""},
		{"POST", "/jobs/x/retry", 404, ""},
		{"POST", "/jobs/" + done.ID + "/retry", 409, ""},
		{"GET", "/jobs/" + done.ID + "/retry", 405, "OPTIONS, POST"},
		{"GET", "/agents/A99", 404, ""},
		{"GET", "/agents/%00", 404, ""},
		{"PUT", "/jobs", 405, "OPTIONS, GET, HEAD, POST"},
		{"GET", "/jobs/batch", 405, "OPTIONS, POST"}, // not a job of that name
		{"PUT", "/agents/a/b", 404, ""},              // not an agent of that name
		{"DELETE", "/webhooks/endpoints/", 404, ""},
		{"DELETE", "/jobs/" + done.ID, 405, "OPTIONS, GET, HEAD"},
		{"PUT", "/agents", 405, "OPTIONS, GET, HEAD"},
		{"POST", "/health", 405, "OPTIONS, GET, HEAD"},
		{"BREW", "/health", 405, "OPTIONS, GET, HEAD"},
		{"TRACE", "/openapi.json", 405, "OPTIONS, GET, HEAD"},
	} {
		t.Run(c.method+" "+c.target, func(t *testing.T) {
			w := do(t, h, c.method, c.target, "", "X-Request-Id", "crm-1")
			if w.Code != c.status {
				t.Fatalf("got %d, want %d", w.Code, c.status)
			}
			if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("Content-Type: got %q", got)
			}
			if got := w.Header().Get("Allow"); got != c.allow {
				t.Errorf("Allow: got %q, want %q", got, c.allow)
			}
			if c.method == "HEAD" {
				return
			}
			p := decode[httpx.Problem](t, w)
			if p.Status != c.status || p.RequestID != "crm-1" || p.Instance != c.target {
				t.Errorf("got %+v", p)
			}
		})
	}
}

func TestFaultsOfOursAreLoggedNotTold(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		status int
		retry  string
	}{
		{"no code", errors.New("password=hunter2"), 500, ""},
		{"a private cause", tasks.Errorf(tasks.CodeInternal, "Our fault.").WithCause(errors.New("password=hunter2")), 500, ""},
		{"away", tasks.Errorf(tasks.CodeUnavailable, "Redis is unavailable.").WithCause(errors.New("password=hunter2")), 503, "5"},
		{"out of time", fmt.Errorf("password=hunter2: %w", context.DeadlineExceeded), 503, "5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			m := newMemory()
			m.broken = c.err
			h := newAPI(t, Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, m.deps())
			w := do(t, h, "GET", "/jobs/"+tasks.NewID(), "", "X-Request-Id", "crm-1")
			if w.Code != c.status || w.Header().Get("Retry-After") != c.retry {
				t.Errorf("got %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
			}
			if strings.Contains(w.Body.String(), "hunter2") {
				t.Errorf("tells the cause: %s", w.Body)
			}
			if !strings.Contains(log.String(), "hunter2") || !strings.Contains(log.String(), "request_id=crm-1") {
				t.Errorf("log: got %q", log.String())
			}
		})
	}
}

func TestStoreAwayIsToldAtOnce(t *testing.T) {
	m := newMemory()
	job := m.submitted(t)
	m.broken = tasks.Errorf(tasks.CodeUnavailable, "Redis is unavailable.")
	for _, c := range []struct{ method, target, body string }{
		{"POST", "/jobs", submission},
		{"GET", "/jobs/" + job.ID, ""},
		{"GET", "/jobs/" + job.ID + "/events", ""},
		{"POST", "/jobs/" + job.ID + "/cancel", ""},
		{"POST", "/jobs/" + job.ID + "/retry", ""},
		{"GET", "/health", ""},
	} {
		t.Run(c.method+" "+c.target, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				deps := m.deps()
				deps.Health = func(context.Context) Health {
					return Health{Status: HealthUnavailable, Redis: RedisHealth{Status: HealthUnavailable}}
				}
				h := newAPI(t, Config{}, deps)
				start := time.Now()
				w := do(t, h, c.method, c.target, c.body, "Prefer", "wait=60", "Idempotency-Key", key)
				if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" || time.Since(start) != 0 {
					t.Errorf("got %d, Retry-After %q after %v, want 503, 5, at once", w.Code, w.Header().Get("Retry-After"), time.Since(start))
				}
			})
		})
	}
}

func TestPanicIsAProblem(t *testing.T) {
	var log bytes.Buffer
	deps := newMemory().deps()
	deps.Health = func(context.Context) Health { panic("password=hunter2") }
	h := newAPI(t, Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, deps)
	w := do(t, h, "GET", "/health", "")
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "hunter2") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "hunter2") || !strings.Contains(log.String(), "health.go") {
		t.Errorf("log: got %q, want the panic and where it was", log.String())
	}
}

func TestRequestID(t *testing.T) {
	h := newAPI(t, Config{}, newMemory().deps())
	for _, c := range []struct {
		name, sent string
		kept       bool
	}{
		{"good", "crm-7f3a", true},
		{"none", "", false},
		{"two words", "a b", false},
		{"a header of its own", "a\r\nX-Evil: 1", false},
		{"too long", strings.Repeat("x", 129), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := do(t, h, "GET", "/agents", "", "X-Request-Id", c.sent).Header().Get("X-Request-Id")
			if kept := got == c.sent; kept != c.kept || got == "" {
				t.Errorf("got %q", got)
			}
		})
	}
}
