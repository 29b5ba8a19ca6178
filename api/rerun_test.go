package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

func TestAJobIsRunAgainOnce(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	job := m.submitted(t)
	path := "/jobs/" + job.ID + "/rerun"
	if w := do(t, h, "POST", path, ""); w.Code != http.StatusConflict {
		t.Errorf("one that has not ended: got %d", w.Code)
	}
	m.becomes(job.ID, tasks.Succeeded)
	first, again := do(t, h, "POST", path, ""), do(t, h, "POST", path, "")
	made := decode[tasks.Job](t, first)
	if first.Code != http.StatusAccepted || made.ID == job.ID || made.RerunOf != job.ID || first.Header().Get("Location") != "/jobs/"+made.ID {
		t.Errorf("got %d %s", first.Code, first.Body)
	}
	if decode[tasks.Job](t, again).ID != made.ID || again.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("sent again: got %d %s", again.Code, again.Body)
	}
}

// Those that a filter chooses are run again, page by page, and each once.
func TestJobsAreRunAgainByFilter(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	var want []string
	for n := range 10 {
		job := m.submitted(t)
		m.becomes(job.ID, tasks.Succeeded)
		m.mu.Lock()
		if m.jobs[job.ID].Degraded = n%2 == 0; n%2 == 0 {
			want = append(want, job.ID)
		}
		m.mu.Unlock()
	}
	page := decode[spec.JobList](t, do(t, h, "GET", "/jobs?degraded=true", ""))
	if len(page.Data) != len(want) {
		t.Errorf("degraded=true lists %d jobs, want %d", len(page.Data), len(want))
	}
	var got []string
	for cursor := ""; ; {
		w := do(t, h, "POST", "/jobs/rerun", fmt.Sprintf(`{"filter":{"degraded":true},"limit":2%s}`, cursor))
		if w.Code != http.StatusOK {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
		result := decode[struct {
			Accepted, Refused int
			Outcomes          []batchOutcome
			HasMore           bool   `json:"has_more"`
			NextCursor        string `json:"next_cursor"`
		}](t, w)
		if len(result.Outcomes) > 2 || result.Refused > 0 || result.Accepted != len(result.Outcomes) {
			t.Errorf("got %+v", result)
		}
		for _, o := range result.Outcomes {
			got = append(got, o.Job.RerunOf)
		}
		if !result.HasMore {
			break
		}
		cursor = fmt.Sprintf(`,"cursor":%q`, result.NextCursor)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("run again: %v, want %v", got, want)
	}
	for name, body := range map[string]string{
		"no filter": `{}`, "an empty filter": `{"filter":{}}`, "an open state": `{"filter":{"state":["queued"]}}`,
		"too many": `{"filter":{"degraded":true},"limit":1001}`, "a strange cursor": `{"filter":{"degraded":true},"cursor":"am9i"}`,
	} {
		if w := do(t, h, "POST", "/jobs/rerun", body); w.Code != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", name, w.Code, w.Body)
		}
	}
}

// With admin:read jobs are read across tenants, and the audit log says so; without
// it the parameter is refused.
func TestOperatorsReadAcrossTenants(t *testing.T) {
	ring, m := newKeyring(t, access.Config{}), newMemory()
	log, fresh := newAudit(t)
	h := newAPI(t, Config{Guard: ring.guard, Audit: log}, m.deps())
	job, _, err := m.Submit(t.Context(), "acme", &tasks.Submission{Agent: "A02"})
	if err != nil {
		t.Fatal(err)
	}
	m.becomes(job.ID, tasks.Succeeded)
	operator := ring.bearer(t, "ops", access.JobsRead, access.JobsWrite, access.AdminRead)
	other, own := ring.bearer(t, "other", access.JobsRead), ring.bearer(t, "acme", access.JobsRead)
	for _, tt := range []struct {
		key, path string
		want      int
		action    string // "" if no line is kept
	}{
		{operator, "/jobs/" + job.ID, 200, "getJob"},
		{operator, "/jobs/" + job.ID + "?tenant=acme", 200, "getJob"},
		{operator, "/jobs/" + job.ID + "?tenant=other", 404, ""},
		{operator, "/jobs/" + job.ID + "/result", 200, "getJobResult"},
		{operator, "/jobs/" + job.ID + "/events", 200, "streamJobEvents"},
		{operator, "/jobs?tenant=acme", 200, "listJobs"},
		{operator, "/jobs", 200, ""},
		{other, "/jobs/" + job.ID, 404, ""},
		{other, "/jobs/" + job.ID + "?tenant=acme", 403, ""},
		{other, "/jobs?tenant=acme", 403, ""},
		{own, "/jobs?tenant=acme", 200, ""},
		{own, "/jobs/" + job.ID + "?tenant=acme", 200, ""},
		{operator, "/jobs?tenant=", 200, ""},
		{operator, "/jobs?tenant=a%20b", 400, ""},
	} {
		w := do(t, h, "GET", tt.path, "", "Authorization", tt.key)
		if w.Code != tt.want {
			t.Errorf("%s: got %d %s, want %d", tt.path, w.Code, w.Body, tt.want)
		}
		lines := fresh()
		if tt.action == "" {
			if len(lines) > 0 {
				t.Errorf("%s: recorded %+v", tt.path, lines)
			}
			continue
		}
		if len(lines) != 1 || lines[0].Action != tt.action || lines[0].Tenant != "ops" || !strings.HasSuffix(lines[0].Object, "?tenant=acme") {
			t.Errorf("%s: recorded %+v", tt.path, lines)
		}
	}
	for _, verb := range []string{"cancel", "retry", "rerun"} {
		if w := do(t, h, "POST", "/jobs/"+job.ID+"/"+verb, "", "Authorization", ring.bearer(t, "ops", access.Scopes()...)); w.Code != http.StatusNotFound {
			t.Errorf("%s of another tenant's job: got %d", verb, w.Code)
		}
	}
}

// A caller may run as many jobs again as its rate allows, however it asks.
func TestRerunsCostWhatTheyStandFor(t *testing.T) {
	ring, m := newKeyring(t, access.Config{Rate: access.Rate{Requests: 5, Per: time.Hour, Burst: 5}}), newMemory()
	h := newAPI(t, Config{Guard: ring.guard}, m.deps())
	key := ring.bearer(t, "acme", access.JobsWrite)
	for range 8 {
		job, _, err := m.Submit(t.Context(), "acme", &tasks.Submission{Agent: "A02"})
		if err != nil {
			t.Fatal(err)
		}
		m.becomes(job.ID, tasks.Failed)
	}
	w := do(t, h, "POST", "/jobs/rerun", `{"filter":{"agent":"A02"}}`, "Authorization", key)
	got := decode[spec.RerunJobs200JSONResponse](t, w)
	if w.Code != http.StatusOK || got.Accepted != 5 || !got.HasMore || got.NextCursor == "" {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	if w := do(t, h, "POST", "/jobs/rerun", `{"filter":{"agent":"A02"},"cursor":"`+got.NextCursor+`"}`, "Authorization", key); w.Code != http.StatusTooManyRequests {
		t.Errorf("with nothing left: got %d %s", w.Code, w.Body)
	}
	ring.guard = access.New(access.Config{Keys: ring.keys})
	h = newAPI(t, Config{Guard: ring.guard}, m.deps())
	rest := decode[spec.RerunJobs200JSONResponse](t, do(t, h, "POST", "/jobs/rerun", `{"filter":{"agent":"A02"},"cursor":"`+got.NextCursor+`"}`, "Authorization", key))
	if rest.Accepted != 3 || rest.HasMore {
		t.Errorf("from the cursor on: got %+v, want the other 3", rest)
	}
}

// With admin:write an operator runs a tenant's jobs again, for that tenant.
func TestOperatorsRunTenantsJobsAgain(t *testing.T) {
	ring, m := newKeyring(t, access.Config{}), newMemory()
	log, fresh := newAudit(t)
	h := newAPI(t, Config{Guard: ring.guard, Audit: log}, m.deps())
	job, _, err := m.Submit(t.Context(), "acme", &tasks.Submission{Agent: "A02"})
	if err != nil {
		t.Fatal(err)
	}
	m.becomes(job.ID, tasks.Failed)
	operator, reader := ring.bearer(t, "ops", access.Scopes()...), ring.bearer(t, "ops", access.JobsWrite, access.AdminRead)
	if w := do(t, h, "POST", "/jobs/rerun?tenant=acme", `{"filter":{"state":["failed"]}}`, "Authorization", reader); w.Code != http.StatusForbidden {
		t.Errorf("without admin:write: got %d", w.Code)
	}
	fresh()
	w := do(t, h, "POST", "/jobs/rerun?tenant=acme", `{"filter":{"state":["failed"]}}`, "Authorization", operator)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"accepted":1`) || !strings.Contains(w.Body.String(), job.ID) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	lines := fresh()
	if len(lines) != 1 || lines[0].Object != "/jobs/rerun?tenant=acme" || lines[0].Tenant != "ops" {
		t.Errorf("recorded %+v", lines)
	}
	again := do(t, h, "POST", "/jobs/"+job.ID+"/rerun?tenant=acme", "", "Authorization", operator)
	if again.Code != http.StatusAccepted || again.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("one by one: got %d %s", again.Code, again.Body)
	}
}
