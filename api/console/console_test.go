package console_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/console"
	"github.com/topcentral/spillway/tasks"
)

// jobs has one job of tenant acme, whose data is hostile.
type jobs struct {
	job   tasks.Job
	did   []string
	found tasks.JobFilter
}

const hostile = "<script>alert(1)</script>\u202e\x1b[31m"

func newJobs() *jobs {
	return &jobs{job: tasks.Job{
		ID: "job_1", Tenant: "acme", Agent: "A02", State: tasks.Failed, Lane: tasks.Cloud, Sequence: 3, Privacy: tasks.Masked,
		Metadata: map[string]string{"deal": hostile}, Error: &tasks.Error{Code: tasks.CodeDeadline, Message: hostile},
		Attempts:  []tasks.Attempt{{Number: 1, Lane: tasks.Cloud, Candidate: "kimi/k", Outcome: "timeout", Message: hostile, Masked: map[string]int{"person": 2}}},
		CreatedAt: time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC),
	}}
}

func (j *jobs) Find(_ context.Context, id string) (*tasks.Job, error) {
	if id != j.job.ID {
		return nil, tasks.Errorf(tasks.CodeNotFound, "There is no job %s.", id)
	}
	found := j.job
	return &found, nil
}

func (j *jobs) List(_ context.Context, tenant string, f tasks.JobFilter) (*tasks.JobPage, error) {
	j.found = f
	if tenant != "acme" {
		return &tasks.JobPage{}, nil
	}
	return &tasks.JobPage{Jobs: []*tasks.Job{&j.job}, Next: "job_0"}, nil
}

func (j *jobs) act(what, tenant, id string) (*tasks.Job, error) {
	j.did = append(j.did, what+" "+tenant+" "+id)
	return &tasks.Job{ID: "job_2"}, nil
}

func (j *jobs) Cancel(_ context.Context, tenant, id string) (*tasks.Job, error) {
	return j.act("cancel", tenant, id)
}

func (j *jobs) Retry(_ context.Context, tenant, id string) (*tasks.Job, error) {
	return j.act("retry", tenant, id)
}

func (j *jobs) Rerun(_ context.Context, tenant, id string) (*tasks.Job, bool, error) {
	made, err := j.act("rerun", tenant, id)
	return made, false, err
}

func (*jobs) Input(context.Context, string) (json.RawMessage, error) {
	return json.Marshal(map[string]string{"note": hostile})
}

func (*jobs) Since(context.Context, string, int64, int64) ([]tasks.Event, bool, error) {
	data, err := json.Marshal(map[string]string{"text": hostile})
	return []tasks.Event{{Sequence: 1, Type: tasks.EventQueued, Data: data}, {Sequence: 2, Type: tasks.EventDelta, Data: data}}, false, err
}

func (*jobs) Tenants(context.Context) ([]string, error) { return []string{"acme", "beta"}, nil }

// site serves a console; every request is made by a caller with the scopes.
func site(t *testing.T, j *jobs, health func(context.Context) api.Health, scopes ...access.Scope) http.Handler {
	t.Helper()
	c, err := console.New(console.Config{
		Jobs: j, Health: health, Agents: func() []string { return []string{"A02"} },
		Workers: func(context.Context) ([]tasks.Worker, error) { return []tasks.Worker{{ID: "w1" + hostile}}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	guard := access.New(access.Config{Everyone: scopes})
	mux := http.NewServeMux()
	c.Routes(func(pattern string, h func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r, err := guard.Admit(w, r, access.AdminRead)
			if err == nil {
				err = h(w, r)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusTeapot)
			}
		})
	})
	return mux
}

func well(context.Context) api.Health {
	return api.Health{Status: api.HealthOK, Lanes: []api.LaneHealth{{Lane: tasks.Local, Workers: 1, Running: 1, Slots: 1, Load: 1, Models: []string{"ollama/q"}}, {Lane: tasks.Cloud}},
		Queues: []api.QueueHealth{{Name: "local.high", Waiting: 3, OldestSeconds: 90}}}
}

func get(t *testing.T, h http.Handler, target string) (int, http.Header, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody))
	return w.Code, w.Header(), w.Body.String()
}

// Every page is whole in both languages: no text is missing, no data gets out of its
// place, and the policy allows no script but our own.
func TestPages(t *testing.T) {
	name := regexp.MustCompile(`>(nav|act|ask|state|lane|status|plan|answered|privacy|h)\.[a-z_]+<|ZgotmplZ|&lt;nil&gt;|%!`)
	for _, lang := range []string{"en", "zh"} {
		for _, path := range []string{"", "/part", "/jobs", "/jobs?state=failed&since=2h", "/jobs/job_1", "/jobs/job_1/part", "/jobs/job_1/retry", "/jobs/job_1/cancel", "/jobs/job_1/rerun"} {
			join := "?"
			if strings.Contains(path, "?") {
				join = "&"
			}
			code, header, body := get(t, site(t, newJobs(), well, access.AdminRead, access.AdminWrite, access.JobsWrite), "/console"+path+join+"lang="+lang)
			if code != http.StatusOK {
				t.Errorf("%s in %s: %d %s", path, lang, code, body)
				continue
			}
			if missing := name.FindString(body); missing != "" {
				t.Errorf("%s in %s: %s", path, lang, missing)
			}
			if !strings.Contains(body, "</html>") && !strings.HasSuffix(path, "part") || strings.Contains(body, "<script>") || strings.ContainsAny(body, "\u202e\x1b") || strings.Contains(body, "style=") {
				t.Errorf("%s in %s: data got out of its place, or the page is cut:\n%s", path, lang, body)
			}
			if policy := header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") {
				t.Errorf("%s: policy %q", path, policy)
			}
		}
	}
}

func TestTheLanguageIsRemembered(t *testing.T) {
	h := site(t, newJobs(), well, access.AdminRead)
	_, header, _ := get(t, h, "/console?lang=zh")
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/console", http.NoBody)
	r.Header.Set("Cookie", strings.SplitN(header.Get("Set-Cookie"), ";", 2)[0])
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), `<html lang="zh">`) {
		t.Error("the choice was forgotten")
	}
	if _, _, body := get(t, h, "/console?lang=xx"); !strings.Contains(body, `<html lang="en">`) {
		t.Error("a language that does not exist is no language")
	}
}

func TestFiltersReachTheList(t *testing.T) {
	j := newJobs()
	_, _, body := get(t, site(t, j, well, access.AdminRead), "/console/jobs?tenant=acme&state=failed&agent=A02&lane=cloud&model=kimi&degraded=1&metadata=deal:D1&since=2h&before=job_9")
	f := j.found
	if len(f.States) != 1 || f.States[0] != tasks.Failed || f.Agent != "A02" || f.Lane != tasks.Cloud || f.Model != "kimi" || f.Degraded == nil || !*f.Degraded ||
		f.Metadata["deal"] != "D1" || f.Before != "job_9" || time.Since(f.CreatedAfter) < 2*time.Hour {
		t.Errorf("got %+v", f)
	}
	if !strings.Contains(body, `href="?`) || !strings.Contains(body, "before=job_0") || !strings.Contains(body, `value="deal:D1"`) {
		t.Errorf("the page has lost its filter, or leads to no next one:\n%s", body)
	}
	for _, bad := range []string{"state=asleep", "since=-2h", "since=yesterday", "metadata=deal"} {
		if _, _, body := get(t, site(t, j, well, access.AdminRead), "/console/jobs?"+bad); !strings.Contains(body, `role="alert"`) {
			t.Errorf("%s: no problem is shown", bad)
		}
	}
}

func TestActions(t *testing.T) {
	post := func(j *jobs, action string, scopes ...access.Scope) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		site(t, j, well, scopes...).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/console/jobs/job_1/"+action, strings.NewReader(url.Values{}.Encode())))
		return w
	}
	for action, leadsTo := range map[string]string{"cancel": "job_1", "retry": "job_1", "rerun": "job_2"} {
		j := newJobs()
		w := post(j, action, access.AdminRead, access.AdminWrite, access.JobsWrite)
		if len(j.did) != 1 || j.did[0] != action+" acme job_1" || w.Header().Get("Location") != "/console/jobs/"+leadsTo {
			t.Errorf("%s: did %v, leads to %q", action, j.did, w.Header().Get("Location"))
		}
	}
	for name, scopes := range map[string][]access.Scope{"a reader": {access.AdminRead}, "without jobs:write": {access.AdminRead, access.AdminWrite}} {
		j := newJobs()
		if w := post(j, "cancel", scopes...); len(j.did) > 0 || w.Code == http.StatusSeeOther {
			t.Errorf("%s: did %v", name, j.did)
		}
		if _, _, body := get(t, site(t, j, well, scopes...), "/console/jobs/job_1"); strings.Contains(body, `class="acts"`) {
			t.Errorf("%s is offered actions", name)
		}
	}
	if j := newJobs(); post(j, "explode", access.AdminRead, access.AdminWrite, access.JobsWrite).Code == http.StatusSeeOther || len(j.did) > 0 {
		t.Error("an unknown action was taken")
	}
}

// However many look, and however often, a snapshot is made once a second at most.
func TestViewersShareASnapshot(t *testing.T) {
	made := 0
	h := site(t, newJobs(), func(ctx context.Context) api.Health { made++; return well(ctx) }, access.AdminRead)
	for range 20 {
		get(t, h, "/console/part")
	}
	if made > 3 {
		t.Errorf("20 looks made %d snapshots", made)
	}
}
