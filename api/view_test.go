package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/tasks"
)

// What a tenant sees of its jobs holds nothing of the installation, on any way;
// operators see all of it, and so does everyone while there is no authentication.
func TestJobsHoldWhatTheirReaderMaySee(t *testing.T) {
	ring, m := newKeyring(t, access.Config{}), newMemory()
	job := m.submitted(t)
	m.mu.Lock()
	m.jobs[job.ID].Attempts = []tasks.Attempt{{
		Number: 1, Lane: tasks.Cloud, Worker: "studio-4711", Candidate: "kimi/k2", Outcome: "quota_dead", Message: "10.0.0.5 has no money", Breaker: "open",
	}}
	m.jobs[job.ID].Tenant, m.tenants[job.ID] = "acme", "acme"
	m.mu.Unlock()
	m.tell(job.ID, tasks.EventRunning, `{"worker":"studio-4711"}`)
	m.tell(job.ID, tasks.EventProgress, `{"candidate":"kimi/k2","outcome":"quota_dead"}`)
	m.becomes(job.ID, tasks.Succeeded)

	tenant := ring.bearer(t, "acme", access.JobsRead, access.JobsWrite)
	operator := ring.bearer(t, "acme", access.JobsRead, access.AdminRead)
	guarded := newAPI(t, Config{Guard: ring.guard}, m.deps())
	for _, tt := range []struct {
		name  string
		h     http.Handler
		key   string
		whole bool
	}{
		{"tenant", guarded, tenant, false},
		{"operator", guarded, operator, true},
	} {
		for _, path := range []string{"/jobs/" + job.ID, "/jobs", "/jobs/" + job.ID + "/events"} {
			w := do(t, tt.h, "GET", path, "", "Authorization", tt.key)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "kimi/k2") {
				t.Fatalf("%s, %s: got %d %s", tt.name, path, w.Code, w.Body)
			}
			for _, secret := range []string{"studio-4711", "quota_dead"} {
				if got := strings.Contains(w.Body.String(), secret); got != tt.whole {
					t.Errorf("%s, %s: tells %q is %v, want %v", tt.name, path, secret, got, tt.whole)
				}
			}
		}
	}
}

// Everyone learns whether the service is well; which part is, only operators.
func TestHealthTellsPartsToOperators(t *testing.T) {
	ring, m := newKeyring(t, access.Config{}), newMemory()
	h := newAPI(t, Config{Guard: ring.guard}, m.deps())
	for name, tt := range map[string]struct {
		key   string
		want  int
		parts bool
	}{
		"nobody":       {"", 200, false},
		"a tenant":     {ring.bearer(t, "acme", access.JobsRead), 200, false},
		"an operator":  {ring.bearer(t, "ops", access.AdminRead), 200, true},
		"no such key":  {"Bearer spw_live_AAAAAAAAAAAA_x", 401, false},
		"no good form": {"Basic eDp5", 401, false},
	} {
		var headers []string
		if tt.key != "" {
			headers = []string{"Authorization", tt.key}
		}
		w := do(t, h, "GET", "/health", "", headers...)
		if got := strings.Contains(w.Body.String(), `"redis"`); w.Code != tt.want || got != tt.parts {
			t.Errorf("%s: got %d %s", name, w.Code, w.Body)
		}
		if w.Code == http.StatusOK && decode[Health](t, w).Status != HealthOK {
			t.Errorf("%s: got %s", name, w.Body)
		}
	}
	if w := do(t, newAPI(t, Config{}, m.deps()), "GET", "/health", ""); !strings.Contains(w.Body.String(), `"redis"`) {
		t.Errorf("without authentication: got %s", w.Body)
	}
}
