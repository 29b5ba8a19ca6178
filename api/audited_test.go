package api

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/audit"
	"github.com/topcentral/spillway/api/internal/contract"
	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

// newAudit opens an audit log that takes one change at a time, and returns what reads the lines it has got since
// it was last read.
func newAudit(t *testing.T) (l *audit.Log, fresh func() []audit.Entry) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := audit.Open(audit.Config{File: path, Patience: time.Minute, Pending: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	seen := 1 // the line that begins the chain
	return l, func() (entries []audit.Entry) {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		whole := text[:bytes.LastIndexByte(text, '\n')] // the next may be on its way
		all := strings.Split(string(whole), "\n")
		for _, line := range all[seen:] {
			var e audit.Entry
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			entries = append(entries, e)
		}
		seen = len(all)
		return entries
	}
}

// TestEveryChangeLeavesOneAuditLine is made from the contract: an operation that
// is added and is no GET is recorded, or this fails.
func TestEveryChangeLeavesOneAuditLine(t *testing.T) {
	published, err := contract.Read(openapiYAML)
	if err != nil {
		t.Fatal(err)
	}
	ring, m := newKeyring(t, access.Config{}), newMemory()
	log, fresh := newAudit(t)
	h := newAPI(t, Config{Guard: ring.guard, Audit: log}, m.deps())
	operator, nobody := ring.bearer(t, "acme", access.Scopes()...), ring.bearer(t, "acme", access.AdminRead)
	for _, op := range published.Operations {
		t.Run(op.Method+" "+op.Path, func(t *testing.T) {
			for _, as := range []string{operator, nobody, ""} {
				var headers []string
				if as != "" {
					headers = []string{"Authorization", as}
				}
				path := examplePath(t, published, m, op, "acme")
				w := do(t, h, op.Method, path, exampleBody(published, op), headers...)
				lines := fresh()
				if !isAudited(&op) {
					if len(lines) > 0 {
						t.Errorf("a GET is recorded: %+v", lines)
					}
					continue
				}
				if len(lines) != 1 {
					t.Fatalf("as %q: got %d lines", as, len(lines))
				}
				e := lines[0]
				if e.Action != op.ID || e.Status != w.Code || e.Outcome != audit.OutcomeOf(w.Code) || e.RequestID != w.Header().Get(httpx.HeaderRequestID) || e.Address != netip.MustParseAddr("192.0.2.1") {
					t.Errorf("got %+v for an answer of %d", e, w.Code)
				}
				if w.Code >= 400 && e.Code != decode[httpx.Problem](t, w).Code {
					t.Errorf("got the code %q for %s", e.Code, w.Body)
				}
				if known := as != ""; known != (e.Tenant == "acme" && e.Method == access.ByKey && "Bearer "+e.Subject != "Bearer ") {
					t.Errorf("as %q: got %+v", as, e)
				}
				object := subjectOf(op.Path, path)
				if location := w.Header().Get("Location"); location != "" {
					object = location
				}
				if e.Object != object {
					t.Errorf("got the object %q, want %q", e.Object, object)
				}
			}
		})
	}
}

func TestAuditLinesHoldNothingOfTheInput(t *testing.T) {
	log, fresh := newAudit(t)
	h := newAPI(t, Config{Audit: log}, newMemory().deps())
	const hush = "a customer's secret"
	do(t, h, "POST", "/jobs", `{"agent":"A02","input":{"customer":"`+hush+`"},"metadata":{"x":"`+hush+`"},"callback_url":"https://example.com/?token=`+strings.ReplaceAll(hush, " ", "_")+`"}`)
	do(t, h, "POST", "/jobs?api_key=hush", `{"agent":"A02","input":{"customer":"`+hush+`"}, bad`)
	lines := fresh()
	if len(lines) != 2 {
		t.Fatalf("got %+v", lines)
	}
	for _, e := range lines {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "secret") || strings.Contains(string(text), "hush") {
			t.Errorf("got %s", text)
		}
	}
}

func TestADryRunChangesNothingAndIsNotRecorded(t *testing.T) {
	log, fresh := newAudit(t)
	h := newAPI(t, Config{Audit: log}, newMemory().deps())
	if w := do(t, h, "POST", "/jobs?dry_run=true", submission); w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	if lines := fresh(); len(lines) > 0 {
		t.Errorf("got %+v", lines)
	}
}

// A caller must not get around the audit log with a parameter that the operation
// does not know.
func TestWhatKnowsNoDryRunIsRecorded(t *testing.T) {
	log, fresh := newAudit(t)
	m := newMemory()
	h := newAPI(t, Config{Audit: log}, m.deps())
	for path, body := range map[string]string{
		"/jobs/batch?dry_run=true":                            `{"jobs":[` + submission + `]}`,
		"/jobs/" + m.submitted(t).ID + "/cancel?dry_run=true": "",
		"/jobs?dry_run=1":                                     submission, // which is refused
	} {
		do(t, h, "POST", path, body)
		if lines := fresh(); len(lines) != 1 {
			t.Errorf("%s: got %+v", path, lines)
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

// The places of the audit log are few, and a body may take its time.
func TestABodyThatDoesNotComeHoldsUpNoChange(t *testing.T) {
	log, fresh := newAudit(t)
	h := newAPI(t, Config{Audit: log}, newMemory().deps())
	slow, ended := slowBody{make(chan struct{}), make(chan struct{})}, make(chan int)
	go func() {
		r := newRequest(t, "POST", "/jobs", "", contract.MediaJSON)
		r.Body = io.NopCloser(slow)
		ended <- serve(h, r).Code
	}()
	<-slow.asked
	if w := do(t, h, "POST", "/jobs", submission); w.Code != http.StatusAccepted {
		t.Errorf("another: got %d %s", w.Code, w.Body)
	}
	close(slow.end)
	if got := <-ended; got != http.StatusBadRequest {
		t.Errorf("the slow one: got %d", got)
	}
	if lines := fresh(); len(lines) != 2 || lines[1].Outcome != audit.Refused {
		t.Errorf("got %+v", lines)
	}
}

// A job that its caller waits for is recorded when it is made, not when it ends.
func TestAWaitDoesNotHoldTheLineBack(t *testing.T) {
	log, fresh := newAudit(t)
	m := newMemory()
	h := newAPI(t, Config{Audit: log}, m.deps())
	answered := make(chan int, 1)
	go func() {
		r := newRequest(t, "POST", "/jobs", submission, "application/json")
		r.Header.Set("Prefer", "wait=60")
		answered <- serve(h, r).Code
	}()
	var lines []audit.Entry
	for len(lines) == 0 {
		lines = fresh()
	}
	m.becomes(strings.TrimPrefix(lines[0].Object, "/jobs/"), tasks.Succeeded)
	if got := <-answered; got != http.StatusOK || lines[0].Status != http.StatusAccepted {
		t.Errorf("answered %d, recorded %+v", got, lines[0])
	}
	if again := fresh(); len(again) > 0 {
		t.Errorf("recorded again: %+v", again)
	}
}

func TestWithoutTheAuditLogNothingIsChanged(t *testing.T) {
	log, _ := newAudit(t)
	m := newMemory()
	var lines bytes.Buffer
	h := newAPI(t, Config{Audit: log, Log: slog.New(slog.NewTextHandler(&lines, nil))}, m.deps())
	log.Close()
	w := do(t, h, "POST", "/jobs", submission)
	if p := decode[httpx.Problem](t, w); w.Code != http.StatusServiceUnavailable || p.Code != tasks.CodeUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if len(m.jobs) > 0 {
		t.Error("a job was made")
	}
	if got := strings.Count(lines.String(), "level=ERROR"); got != 1 {
		t.Errorf("it is logged %d times, want once: %s", got, lines.String())
	}
	if w := do(t, h, "GET", "/agents", ""); w.Code != http.StatusOK {
		t.Errorf("what changes nothing: got %d", w.Code)
	}
}
