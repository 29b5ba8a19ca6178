package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/app/client"
	"github.com/topcentral/spillway/tasks"
)

// spillway runs a command against an API, and returns what it prints.
func spillway(t *testing.T, api http.HandlerFunc, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return spillwayWith(t.Context(), t, api, args...)
}

func spillwayWith(ctx context.Context, t *testing.T, api http.HandlerFunc, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	server := httptest.NewServer(api)
	defer server.Close()
	t.Setenv("SPILLWAY_URL", server.URL)
	var out, err strings.Builder
	code = run(ctx, args, streams{strings.NewReader("{}"), &out, &err})
	return out.String(), err.String(), code
}

func TestSubmitSendsWhatItsFlagsSay(t *testing.T) {
	for _, c := range []struct {
		name      string
		flags     []string
		key, body string
	}{
		{"no more than it must", nil, "", `{"agent":"A02","input":{},"language":"zh"}`},
		{
			"later", []string{"--run-at", "2100-01-01T08:00:00+08:00", "--deadline", "1h"}, "",
			`{"agent":"A02","input":{},"language":"zh","run_at":"2100-01-01T08:00:00+08:00","deadline":"2100-01-01T01:00:00Z"}`,
		},
		{"before others", []string{"--priority", "high"}, "", `{"agent":"A02","input":{},"language":"zh","priority":"high"}`},
		{"kept for a day", []string{"--retention", "24h"}, "", `{"agent":"A02","input":{},"language":"zh","retention":86400}`},
		{"once", []string{"--key", `order "7" \ 8`}, `"order \"7\" \\ 8"`, `{"agent":"A02","input":{},"language":"zh"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, errs, code := spillway(t, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || string(body) != c.body {
					t.Errorf("body: got %s, %v, want %s", body, err, c.body)
				}
				if got := r.Header.Get("Idempotency-Key"); got != c.key {
					t.Errorf("Idempotency-Key: got %s, want %s", got, c.key)
				}
				fmt.Fprint(w, `{"id":"job_1","state":"queued"}`)
			}, append([]string{"submit", "A02"}, c.flags...)...)
			if code != exitOK || out != "job_1\n" {
				t.Errorf("got %d, %q, %q", code, out, errs)
			}
		})
	}
}

func TestRetry(t *testing.T) {
	out, errs, code := spillway(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Method + " " + r.URL.Path; got != "POST /jobs/job_1/retry" {
			t.Errorf("got %s", got)
		}
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, `{"id":"job_1","state":"queued"}`)
	}, "retry", "job_1")
	if code != exitOK || out != "job_1 queued\n" {
		t.Errorf("got %d, %q, %q", code, out, errs)
	}
}

// A stream may break right behind the end of a run that was not the last.
func TestWatchGoesOnOverARetry(t *testing.T) {
	log := []tasks.EventType{tasks.EventQueued, tasks.EventFailed, tasks.EventQueued, tasks.EventSucceeded}
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		after := r.URL.Query().Get("starting_after")
		asked = append(asked, after)
		from := map[string]int{"0": 0, "2": 2}
		start, ok := from[after]
		if !ok {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		for i := start; i < start+2; i++ {
			fmt.Fprintf(w, "data: {\"sequence_number\":%d,\"type\":%q}\n\n", i+1, log[i])
		}
	}))
	defer server.Close()
	c := &client.Client{Base: server.URL, HTTP: server.Client()}
	var got []tasks.EventType
	began := time.Now()
	err := c.Watch(t.Context(), "job_1", func(e tasks.Event) { got = append(got, e.Type) })
	if err != nil || !slices.Equal(got, log) || !slices.Equal(asked, []string{"0", "2", "4"}) {
		t.Errorf("got %v, asked after %v, %v", got, asked, err)
	}
	if took := time.Since(began); took >= 2*client.BetweenStreams {
		t.Errorf("took %v; there is no need to pause when a run has ended", took)
	}
}
