package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/internal/contract"
	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

const submission = `{"agent":"A02","input":{"name":"3号产线改造"}}`

func TestSubmit(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	w := do(t, h, "POST", "/jobs", `{"agent":"A02","input":{},"complexity":"high","language":"en","privacy":"local_only",
		"on_exhausted":"wait","deadline":"2030-01-01T00:00:00Z","callback_url":"https://crm.example.com/hook","metadata":{"k":"v"}}`)
	if w.Code != http.StatusAccepted {
		t.Fatalf("status: got %d, want 202: %s", w.Code, w.Body)
	}
	job := decode[tasks.Job](t, w)
	if got, want := w.Header().Get("Location"), "/jobs/"+job.ID; got != want {
		t.Errorf("Location: got %q, want %q", got, want)
	}
	if got := w.Header().Get("Retry-After"); got != "9" && got != "10" { // a quarter of the 40 s to the target
		t.Errorf("Retry-After: got %q", got)
	}
	if job.Tenant != "default" || job.Metadata["k"] != "v" || job.CallbackURL != "https://crm.example.com/hook" {
		t.Errorf("job: got %+v", job)
	}
	if got := w.Header().Get("Preference-Applied"); got != "" {
		t.Errorf("Preference-Applied: got %q, want none", got)
	}
}

func TestSubmitForLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newAPI(t, Config{}, newMemory().deps())
		runAt := time.Now().Add(20 * time.Minute).UTC()
		body := fmt.Sprintf(`{"agent":"A02","input":{},"run_at":%q,"retention":86400}`, runAt.Format(time.RFC3339))
		w := do(t, h, "POST", "/jobs", body)
		job := decode[tasks.Job](t, w)
		if w.Code != http.StatusAccepted || job.State != tasks.Scheduled || !job.RunAt.Equal(runAt) || job.Retention.Std() != 24*time.Hour {
			t.Errorf("got %d %+v", w.Code, job)
		}
		if got := w.Header().Get("Retry-After"); got != "1200" {
			t.Errorf("Retry-After: got %q, want 1200: it does not run before", got)
		}
	})
}

func TestRetentionIsAWholeNumberOfSeconds(t *testing.T) {
	for sent, want := range map[string]time.Duration{
		"60": time.Minute, "6e1": time.Minute, "3600.0": time.Hour, "7776000": 90 * 24 * time.Hour,
	} {
		m := newMemory()
		h := newAPI(t, Config{}, m.deps())
		job := decode[tasks.Job](t, do(t, h, "POST", "/jobs", `{"agent":"A02","input":{},"retention":`+sent+`}`))
		if job.Retention.Std() != want {
			t.Errorf("%s: got %v, want %v", sent, job.Retention, want)
		}
	}
}

func TestSubmitForATenant(t *testing.T) {
	ring := newKeyring(t, access.Config{})
	h := newAPI(t, Config{Guard: ring.guard}, newMemory().deps())
	job := decode[tasks.Job](t, do(t, h, "POST", "/jobs", submission, "Authorization", ring.bearer(t, "acme", access.JobsWrite)))
	if job.Tenant != "acme" {
		t.Errorf("tenant: got %q", job.Tenant)
	}
}

func TestHostileBodies(t *testing.T) {
	nested := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	for _, c := range []struct {
		name, body, contentType string
		status                  int
		code                    tasks.Code
		pointers                string // of the faults, in order
	}{
		{"empty", "", contract.MediaJSON, 400, tasks.CodeInvalid, ""},
		{"only space", " \n", contract.MediaJSON, 400, tasks.CodeInvalid, ""},
		{"not JSON", "agent=A02", contract.MediaJSON, 400, tasks.CodeInvalid, ""},
		{"cut off", `{"agent":"A02","input":{`, contract.MediaJSON, 400, tasks.CodeInvalid, ""},
		{"trailing garbage", submission + "x", contract.MediaJSON, 400, tasks.CodeInvalid, ""},
		{"two documents", submission + submission, contract.MediaJSON, 400, tasks.CodeInvalid, ""},
		{"byte order mark", "\ufeff" + submission, contract.MediaJSON, 400, tasks.CodeInvalid, ""},
		{"not UTF-8", "{\"agent\":\"A02\xff\",\"input\":{}}", contract.MediaJSON, 400, tasks.CodeInvalid, ""},
		{"not an object", `[]`, contract.MediaJSON, 400, tasks.CodeInvalid, " "},
		{"null", `null`, contract.MediaJSON, 400, tasks.CodeInvalid, " "},
		{"nothing in it", `{}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/agent /input"},
		{"unknown fields", `{"agent":"A02","input":{},"colour":1,"a/b~c":2}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/a~1b~0c /colour"},
		{"wrong case", `{"Agent":"A02","input":{}}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/Agent /agent"},
		{"wrong types", `{"agent":2,"input":"x"}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/agent /input"},
		{"unknown words", `{"agent":"A02","input":{},"complexity":"huge","language":"","on_exhausted":"x"}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/complexity /language /on_exhausted"},
		{"bad deadline", `{"agent":"A02","input":{},"deadline":"tomorrow"}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/deadline"},
		{"bad run-at", `{"agent":"A02","input":{},"run_at":"22:00"}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/run_at"},
		{"run-at without a zone", `{"agent":"A02","input":{},"run_at":"2030-01-01T00:00:00"}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/run_at"},
		{"run-at in seconds", `{"agent":"A02","input":{},"run_at":1893456000}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/run_at"},
		{"retention in words", `{"agent":"A02","input":{},"retention":"24h"}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/retention"},
		{"part of a second", `{"agent":"A02","input":{},"retention":90.5}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/retention"},
		{"too short a retention", `{"agent":"A02","input":{},"retention":59}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/retention"},
		{"too long a retention", `{"agent":"A02","input":{},"retention":7776001}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/retention"},
		{"nulls", `{"agent":"A02","input":{},"run_at":null,"retention":null}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/retention /run_at"},
		{"key in the body", `{"agent":"A02","input":{},"idempotency_key":"a"}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/idempotency_key"},
		{"bad callback", `{"agent":"A02","input":{},"callback_url":"ftp://x"}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/callback_url"},
		{"bad metadata", `{"agent":"A02","input":{},"metadata":{"a":1,"b":[]}}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/metadata/a /metadata/b"},
		{"a name twice", `{"agent":"A02","agent":"A09","input":{"x":{"y":1,"y":2}}}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/agent"},
		{"a name twice, further in", `{"agent":"A02","input":{"x":{"y":1,"y":2}}}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/input/x/y"},
		{"endless number", `{"agent":"A02","input":{"n":` + strings.Repeat("1", 200) + `}}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/input/n"},
		{"huge and tiny numbers", `{"agent":"A02","input":{"n":[1e999,1e-999999,0e5,-0.0,1.5]}}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/input/n/0"},
		{"deep nesting", `{"agent":"A02","input":` + nested + `}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/input" + strings.Repeat("/a", 63)},
		{"bottomless", strings.Repeat("[", 100_000), contract.MediaJSON, 400, tasks.CodeInvalid, strings.Repeat("/0", 64)},
		{"bad input", `{"agent":"A02","input":{"bad":1}}`, contract.MediaJSON, 400, tasks.CodeInvalid, "/input/bad"},
		{"unknown agent", `{"agent":"A99","input":{}}`, contract.MediaJSON, 422, tasks.CodeUnknownAgent, ""},
		{"too large", `{"agent":"A02","input":{"x":"` + strings.Repeat("x", 1<<20) + `"}}`, contract.MediaJSON, 413, tasks.CodeTooLarge, ""},
		{"form", "agent=A02", "application/x-www-form-urlencoded", 415, tasks.CodeMediaType, ""},
		{"no type", submission, "", 415, tasks.CodeMediaType, ""},
		{"broken type", submission, "application/json; =", 415, tasks.CodeMediaType, ""},
		{"another JSON", submission, "application/merge-patch+json", 415, tasks.CodeMediaType, ""},
		{"another charset", submission, "application/json; charset=gbk", 415, tasks.CodeMediaType, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newAPI(t, Config{}, newMemory().deps())
			w := serve(h, newRequest(t, "POST", "/jobs", c.body, c.contentType))
			p := decode[httpx.Problem](t, w)
			if w.Code != c.status || p.Code != c.code {
				t.Errorf("got %d %s, want %d %s", w.Code, p.Code, c.status, c.code)
			}
			var pointers []string
			for _, f := range p.Errors {
				pointers = append(pointers, f.Pointer)
			}
			if got := strings.Join(pointers, " "); strings.TrimSpace(got) != strings.TrimSpace(c.pointers) {
				t.Errorf("pointers: got %q, want %q", got, c.pointers)
			}
			if c.pointers != "" && len(p.Errors) == 0 {
				t.Errorf("no faults told: %s", w.Body)
			}
			if strings.Contains(w.Body.String(), "tasks.") {
				t.Errorf("tells of our types: %s", w.Body)
			}
		})
	}
}

func TestBodyWithoutKnownLength(t *testing.T) {
	h := newAPI(t, Config{MaxBody: 100}, newMemory().deps())
	for body, want := range map[string]int{
		submission:                            http.StatusAccepted,
		submission + strings.Repeat(" ", 100): http.StatusRequestEntityTooLarge,
	} {
		r := newRequest(t, "POST", "/jobs", body, contract.MediaJSON)
		r.ContentLength = -1
		if got := serve(h, r).Code; got != want {
			t.Errorf("%d bytes: got %d, want %d", len(body), got, want)
		}
	}
}

func TestCompressedBodyIsRefused(t *testing.T) {
	h := newAPI(t, Config{}, newMemory().deps())
	if got := do(t, h, "POST", "/jobs", submission, "Content-Encoding", "gzip").Code; got != http.StatusUnsupportedMediaType {
		t.Errorf("got %d, want 415", got)
	}
}

func TestFaultsAreBounded(t *testing.T) {
	h := newAPI(t, Config{}, newMemory().deps())
	var b strings.Builder
	b.WriteString(`{"agent":"A02","input":{}`)
	for i := range 500 {
		b.WriteString(`,"f` + strings.Repeat("x", i) + `":1`)
	}
	b.WriteString(`}`)
	p := decode[httpx.Problem](t, do(t, h, "POST", "/jobs", b.String()))
	if len(p.Errors) != contract.MaxFaults {
		t.Errorf("got %d faults, want %d", len(p.Errors), contract.MaxFaults)
	}
}

func FuzzSubmit(f *testing.F) {
	for _, seed := range []string{
		submission, `{}`, `{"agent":"A02","input":{},"deadline":"2030-01-01t00:00:00z"}`,
		`{"agent":"A02","input":{"n":1e-400}}`, `{"a":{"a":[1,{"a":2,"a":3}]}}`, "\ufeff{}", `{"agent":"A02","input":{},"callback_url":"https://[::1"}`,
	} {
		f.Add([]byte(seed))
	}
	api, err := New(f.Context(), Config{}, newMemory().deps())
	if err != nil {
		f.Fatal(err)
	}
	c := newChecker(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		w := serve(c.check(t, api), newRequest(t, "POST", "/jobs", string(body), contract.MediaJSON))
		if w.Code != http.StatusAccepted && (w.Code < 400 || w.Code >= 500) {
			t.Errorf("%d for %q: %s", w.Code, body, w.Body)
		}
	})
}
