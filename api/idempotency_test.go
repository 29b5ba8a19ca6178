package api

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

const key = `"8e03978e-40d5-43dd-bc93-6894a57f9324"`

func TestReplay(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	first := do(t, h, "POST", "/jobs", submission, "Idempotency-Key", key)
	job := decode[tasks.Job](t, first)
	if first.Code != http.StatusAccepted || first.Header().Get("Idempotent-Replayed") != "" {
		t.Fatalf("first: got %d %v", first.Code, first.Header())
	}
	for _, c := range []struct {
		name  string
		is    tasks.State
		key   string
		code  int
		retry bool
	}{
		{"while it is queued", tasks.Queued, key, 202, true},
		{"with a bare key", tasks.Queued, strings.Trim(key, `"`), 202, true},
		{"while it runs", tasks.Running, key, 202, true},
		{"after it has ended", tasks.Succeeded, key, 200, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m.becomes(job.ID, c.is)
			w := do(t, h, "POST", "/jobs", submission, "Idempotency-Key", c.key)
			if w.Code != c.code || w.Header().Get("Idempotent-Replayed") != "true" {
				t.Errorf("got %d %v, want %d, replayed", w.Code, w.Header(), c.code)
			}
			if got := decode[tasks.Job](t, w); got.ID != job.ID || got.State != c.is {
				t.Errorf("got %s %s, want %s %s", got.ID, got.State, job.ID, c.is)
			}
			if got, want := w.Header().Get("Location"), "/jobs/"+job.ID; got != want {
				t.Errorf("Location: got %q, want %q", got, want)
			}
			if got := w.Header().Get("Retry-After") != ""; got != c.retry {
				t.Errorf("Retry-After: got %q", w.Header().Get("Retry-After"))
			}
		})
	}
}

func TestReplayWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		h := newAPI(t, Config{}, m.deps())
		do(t, h, "POST", "/jobs", submission, "Idempotency-Key", key)
		go func() {
			time.Sleep(3 * time.Second)
			m.endAll()
		}()
		start := time.Now()
		w := do(t, h, "POST", "/jobs", submission, "Idempotency-Key", key, "Prefer", "wait=30")
		if w.Code != http.StatusOK || w.Header().Get("Idempotent-Replayed") != "true" || time.Since(start) != 3*time.Second {
			t.Errorf("got %d %v after %v", w.Code, w.Header(), time.Since(start))
		}
	})
}

func TestKeyMakesOneJobOfOneRequest(t *testing.T) {
	m := newMemory()
	ring := newKeyring(t, access.Config{})
	h := newAPI(t, Config{Guard: ring.guard}, m.deps())
	as := map[string]string{"acme": ring.bearer(t, "acme", access.JobsWrite), "other": ring.bearer(t, "other", access.JobsWrite)}
	do(t, h, "POST", "/jobs", submission, "Idempotency-Key", key, "Authorization", as["acme"])
	for _, c := range []struct {
		name, body, key, as string
		status              int
		code                tasks.Code
	}{
		{"another body", `{"agent":"A09","input":{}}`, key, "acme", 422, tasks.CodeKeyReused},
		{"another time", strings.Replace(submission, "{", `{"run_at":"2030-01-01T00:00:00Z",`, 1), key, "acme", 422, tasks.CodeKeyReused},
		{"another key", submission, `"another"`, "acme", 202, ""},
		{"another tenant", submission, key, "other", 202, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := do(t, h, "POST", "/jobs", c.body, "Idempotency-Key", c.key, "Authorization", as[c.as])
			if w.Code != c.status || w.Header().Get("Idempotent-Replayed") != "" {
				t.Errorf("got %d %v, want %d", w.Code, w.Header(), c.status)
			}
			if p := decode[httpx.Problem](t, w); p.Code != c.code {
				t.Errorf("code: got %q, want %q", p.Code, c.code)
			}
		})
	}
}

func TestFailedSubmissionKeepsNoKey(t *testing.T) {
	h := newAPI(t, Config{}, newMemory().deps())
	if w := do(t, h, "POST", "/jobs", `{"agent":"A02","input":{"bad":1}}`, "Idempotency-Key", key); w.Code != http.StatusBadRequest {
		t.Fatalf("got %d, want 400", w.Code)
	}
	w := do(t, h, "POST", "/jobs", submission, "Idempotency-Key", key)
	if w.Code != http.StatusAccepted || w.Header().Get("Idempotent-Replayed") != "" {
		t.Errorf("mended: got %d %v, want 202, not replayed", w.Code, w.Header())
	}
}

func TestKeySentByMany(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	const sends = 100
	type answer struct {
		code         int
		id, replayed string
	}
	answers := make([]answer, sends)
	var senders sync.WaitGroup
	for i := range answers {
		senders.Go(func() {
			w := do(t, h, "POST", "/jobs", submission, "Idempotency-Key", key)
			answers[i] = answer{w.Code, w.Header().Get("Location"), w.Header().Get("Idempotent-Replayed")}
		})
	}
	senders.Wait()
	made := 0
	for _, a := range answers {
		if a.code != http.StatusAccepted || a.id != answers[0].id {
			t.Errorf("got %+v, want 202 and %s", a, answers[0].id)
		}
		if a.replayed == "" {
			made++
		}
	}
	if made != 1 || len(m.jobs) != 1 {
		t.Errorf("got %d answers that are no replay and %d jobs, want 1 and 1", made, len(m.jobs))
	}
}

func TestMalformedKeyIsRefused(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	for name, lines := range map[string][]string{
		"empty":         {""},
		"two lines":     {"a", "b"},
		"two strings":   {`"a"`, `"b"`},
		"not closed":    {`"a`},
		"beyond ASCII":  {"clé"},
		"too long":      {strings.Repeat("k", 256)},
		"not a string":  {`"a";b=1`},
		"a lonely mark": {`"`},
	} {
		t.Run(name, func(t *testing.T) {
			var headers []string
			for _, line := range lines {
				headers = append(headers, "Idempotency-Key", line)
			}
			w := do(t, h, "POST", "/jobs", submission, headers...)
			p := decode[httpx.Problem](t, w)
			if w.Code != http.StatusBadRequest || p.Code != tasks.CodeInvalid || !strings.Contains(p.Detail, "1 to 255 printable ASCII") {
				t.Errorf("got %d %+v", w.Code, p)
			}
		})
	}
	if len(m.jobs) > 0 {
		t.Errorf("%d jobs were made", len(m.jobs))
	}
}
