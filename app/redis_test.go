package app

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/app/client"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// settings returns the settings of a process on a Redis, whatever the
// environment of the test says.
func settings(t *testing.T, redisURL string) config.Config {
	t.Helper()
	t.Setenv("SPILLWAY_REDIS_URL", redisURL)
	t.Setenv("SPILLWAY_REDIS_WAIT", "0s")
	cfg, err := config.Read()
	if err != nil {
		t.Fatalf("settings: %v", err)
	}
	return cfg
}

// While Redis hangs or is gone, the API answers every request at once, with a
// 503 that says when to come back; and it comes back by itself.
func TestAPIAnswersAtOnceWhileRedisIsAway(t *testing.T) {
	tests := map[string]struct {
		lose, bringBack func(*redistest.Server, *testing.T)
	}{
		"hangs": {
			func(s *redistest.Server, t *testing.T) { s.Pause(t) },
			func(s *redistest.Server, t *testing.T) { s.Resume(t) },
		},
		"killed": {
			func(s *redistest.Server, _ *testing.T) { s.Kill() },
			func(s *redistest.Server, t *testing.T) { s.Restart(t) },
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			sys, err := New(t.Context(), settings(t, "redis://"+server.Addr), redisconn.API, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatalf("open: %v", err)
			}
			defer sys.Stop()
			life, end := context.WithCancel(t.Context())
			handler, err := sys.handler(life)
			if err != nil {
				t.Fatalf("api: %v", err)
			}
			api := httptest.NewServer(handler)
			defer api.Close()
			defer end()

			c := &client.Client{Base: api.URL, HTTP: api.Client()}
			job, err := c.Submit(t.Context(), &tasks.Submission{Agent: "A02", Input: []byte(`{"product":"PCR-ABS"}`)})
			if err != nil {
				t.Fatalf("submit: %v", err)
			}
			tt.lose(server, t)
			if took := untilRefused(t, api); took > 5*time.Second {
				t.Errorf("the API knew after %v, want 1.5 s on a machine that does nothing else", took)
			}
			for _, r := range []struct{ method, path, prefer string }{
				{"POST", "/jobs", ""}, {"POST", "/jobs", "wait=10"}, {"GET", "/jobs/" + job.ID, ""}, {"GET", "/jobs/" + job.ID, "wait=10"},
				{"GET", "/jobs/" + job.ID + "/events", ""}, {"POST", "/jobs/" + job.ID + "/cancel", ""}, {"GET", "/health", ""},
			} {
				best := time.Hour
				for range 5 {
					best = min(best, refused(t, api, r.method, r.path, r.prefer))
				}
				if best > busy { // a time-out would take seconds
					t.Errorf("%s %s (%s): answered after %v at best", r.method, r.path, r.prefer, best)
				}
			}

			tt.bringBack(server, t)
			began, look := time.Now(), time.NewTicker(50*time.Millisecond)
			defer look.Stop()
			for range look.C {
				_, err := c.Get(t.Context(), job.ID)
				// A Redis that is killed may lose what it has not written yet.
				if err == nil || strings.Contains(err.Error(), "404") {
					t.Logf("back after %v", time.Since(began).Round(time.Millisecond))
					break
				}
				if time.Since(began) > time.Minute {
					t.Fatalf("the API does not come back: %v", err)
				}
			}
		})
	}
}

// untilRefused asks for health until it is refused in time, and returns how long
// that took.
func untilRefused(t *testing.T, api *httptest.Server) time.Duration {
	t.Helper()
	client := &http.Client{Transport: api.Client().Transport, Timeout: busy}
	for began := time.Now(); ; {
		resp, err := client.Get(api.URL + "/health")
		if err == nil {
			_ = resp.Body.Close()
		}
		switch took := time.Since(began); {
		case err == nil && resp.StatusCode == http.StatusServiceUnavailable:
			return took
		case took > 10*time.Second:
			t.Fatal("the API never notices")
		}
	}
}

// busy is what a machine that does much else may add to a time.
const busy = 500 * time.Millisecond

// refused makes a request that must be refused, and returns how long that took.
func refused(t *testing.T, api *httptest.Server, method, path, prefer string) time.Duration {
	t.Helper()
	body := ""
	if path == "/jobs" {
		body = `{"agent":"A02","input":{"product":"PCR-ABS"}}`
	}
	req, err := http.NewRequestWithContext(t.Context(), method, api.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", prefer)
	began := time.Now()
	resp, err := api.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body) // for the message alone
	_ = resp.Body.Close()
	took := time.Since(began)
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s %s (%s): got %s %s", method, path, prefer, resp.Status, text)
	}
	if resp.Header.Get("Retry-After") == "" && path != "/health" {
		t.Errorf("%s %s (%s): no Retry-After", method, path, prefer)
	}
	return took
}

func TestOpenSaysWhatIsWrongWithRedis(t *testing.T) {
	tests := map[string]string{
		"http://localhost":          "SPILLWAY_REDIS_URL: want redis://",
		"redis://:secret@0.0.0.1:1": "no Redis answers at 0.0.0.1:1",
	}
	for url, want := range tests {
		_, err := New(t.Context(), settings(t, url), redisconn.API, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want it to say %q", url, err, want)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error holds the password: %v", err)
		}
	}
}

// What is wrong with a Redis that can be worked with is told at the start.
func TestOpenWarnsOfARedisThatMayLoseJobs(t *testing.T) {
	server := redistest.Start(t)
	rdb := server.Client(t)
	for setting, value := range map[string]string{"appendonly": "no", "maxmemory-policy": "allkeys-lru"} {
		if err := rdb.ConfigSet(t.Context(), setting, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	cfg := settings(t, "redis://"+server.Addr)
	cfg.Durability = config.DurabilityFsync
	sys, err := New(t.Context(), cfg, redisconn.Worker, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	sys.Stop()
	for _, want := range []string{"maxmemory-policy noeviction", "appendonly yes", "SPILLWAY_DURABILITY=fsync needs"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, &log)
		}
	}
}
