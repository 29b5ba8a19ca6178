package cli

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// tours are the example clients. Each shows the same, over the same road.
var tours = map[string][]string{
	"curl":   {"bash", "curl/tour.sh"},
	"python": {"python3", "python/tour.py"},
	"node":   {"node", "node/tour.mjs"},
	"go":     {"go", "run", "./go"},
}

// tourPrints is what a tour prints when all is as it should be: the events
// without a gap or a repeat, though their stream broke off.
var tourPrints = regexp.MustCompile(`^submitted: job_[0-9a-f]{32} once
result: score \d+ by model, degraded false
event: 1 job.queued
event: 2 job.running
(event: \d+ job.progress
)*event: \d+ job.succeeded
canceled: canceled
(batch: 2 accepted, 1 refused|batch: 20[02] A02
batch: 20[02] A02
batch: 400 invalid_request)
listed: 4
refused: invalid_request /input/authority
$`)

// TestExampleClients runs the example clients, each against a Spillway of its own
// that asks for a key, and whose model answers only when the client has been told
// that nothing is new. They run at once, as there is much waiting in it.
func TestExampleClients(t *testing.T) {
	t.Setenv("SPILLWAY_AUTH", "required")
	ended := map[string]func(*testing.T){}
	for name, command := range tours {
		if _, err := exec.LookPath(command[0]); err == nil {
			ended[name] = startTour(t, command)
		}
	}
	for name, command := range tours {
		t.Run(name, func(t *testing.T) {
			needsTool(t, command[0])
			ended[name](t)
		})
	}
}

// startTour starts an example client. What it returns waits until that has ended,
// and checks what it did.
func startTour(t *testing.T, command []string) (ended func(*testing.T)) {
	t.Helper()
	answer, unchanged := analysisOf(t, "A02", opportunity), make(chan struct{})
	t.Setenv("SPILLWAY_OLLAMA_URL", fakeOllama(t, "qwen3:4b", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-unchanged:
			says(answer)(w, r)
		case <-r.Context().Done():
		}
	}))
	s := dev(t)
	road := newRoughRoad(t, s.api, unchanged)
	var out, errs strings.Builder
	run := exampleCommand(t, command...)
	run.Env = append(run.Env, "SPILLWAY_URL="+road.url, "SPILLWAY_API_KEY="+s.key)
	run.Stdout, run.Stderr = &out, &errs
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Wait() }) // if nobody asks how it ended
	return func(t *testing.T) {
		if err := run.Wait(); err != nil || !tourPrints.MatchString(out.String()) {
			t.Errorf("%v: got\n%s%s\nwant %s", err, out.String(), errs.String(), tourPrints)
		}
		for _, want := range []string{"503 POST /jobs", "429 POST /jobs/batch", "broke off", "resumed after 1", "304"} {
			if road.first(want) {
				t.Errorf("it did not happen that: %s", want)
			}
		}
	}
}

// needsTool skips a test where a program is missing, but not where that would
// hide it.
func needsTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err == nil {
		return
	}
	if os.Getenv("SPILLWAY_TEST_REQUIRE_CLIENTS") != "" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("SKIPPED, NOT TESTED: %s is not installed", name)
}

// exampleCommand is a command in the folder of the example clients, which ends
// with the test.
func exampleCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	c.Dir = filepath.Join("..", "examples", "clients")
	c.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1", "PYTHONDONTWRITEBYTECODE=1")
	return c
}

// roughRoad is the way to an API that does to each client what can happen on it:
// the first submission and the first batch are turned away, the first stream of
// events breaks off in the middle of the second, and waits are short.
type roughRoad struct {
	url       string
	api       *httputil.ReverseProxy
	unchanged func() // closes the channel, once

	mu       sync.Mutex
	happened map[string]bool
}

func newRoughRoad(t *testing.T, api string, unchanged chan struct{}) *roughRoad {
	t.Helper()
	to, err := url.Parse(api)
	if err != nil {
		t.Fatal(err)
	}
	road := &roughRoad{happened: map[string]bool{}, unchanged: sync.OnceFunc(func() { close(unchanged) })}
	road.api = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode == http.StatusNotModified {
				road.first("304")
				road.unchanged()
			}
			return nil
		},
	}
	server := httptest.NewServer(road)
	t.Cleanup(server.Close)
	road.url = server.URL
	return road
}

// first notes that something has happened, and reports whether it never had.
func (road *roughRoad) first(what string) bool {
	road.mu.Lock()
	defer road.mu.Unlock()
	before := road.happened[what]
	road.happened[what] = true
	return !before
}

func (road *roughRoad) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.Header.Get("Prefer"), "wait=") {
		r.Header.Set("Prefer", "wait=1")
	}
	switch route := r.Method + " " + r.URL.Path; {
	case route == "POST /jobs" && road.first("503 "+route):
		turnAway(w, http.StatusServiceUnavailable, `{"status":503,"code":"unavailable"}`)
		return
	case route == "POST /jobs/batch" && road.first("429 "+route):
		turnAway(w, http.StatusTooManyRequests, `{"status":429,"code":"rate_limited"}`)
		return
	case strings.HasSuffix(route, "/events") && road.first("broke off"):
		w = &breakingOff{ResponseWriter: w}
	case strings.HasSuffix(route, "/events"):
		road.first("resumed after " + r.Header.Get("Last-Event-ID"))
	}
	road.api.ServeHTTP(w, r)
}

func turnAway(w http.ResponseWriter, status int, problem string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(problem))
}

// breakingOff is a connection that breaks off after the ID of the second event.
type breakingOff struct {
	http.ResponseWriter
	passed []byte
}

func (b *breakingOff) Unwrap() http.ResponseWriter { return b.ResponseWriter }

func (b *breakingOff) Write(p []byte) (int, error) {
	const last = "\nid: 2\n"
	before := len(b.passed)
	b.passed = append(b.passed, p...)
	at := bytes.Index(b.passed, []byte(last))
	if at < 0 {
		return b.ResponseWriter.Write(p)
	}
	n, err := b.ResponseWriter.Write(p[:at+len(last)-before])
	return n, errors.Join(err, http.NewResponseController(b.ResponseWriter).Flush(), errors.New("broke off"))
}
