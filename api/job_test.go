package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/tasks"
)

func TestLookAtAJob(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	job := m.submitted(t)
	w := do(t, h, "GET", "/jobs/"+job.ID, "")
	if w.Code != http.StatusOK || w.Header().Get("ETag") != `"1"` || w.Header().Get("Retry-After") == "" {
		t.Errorf("open: got %d %v", w.Code, w.Header())
	}
	m.becomes(job.ID, tasks.Failed)
	w = do(t, h, "GET", "/jobs/"+job.ID, "")
	if w.Code != http.StatusOK || w.Header().Get("ETag") != `"2"` || w.Header().Get("Retry-After") != "" {
		t.Errorf("ended: got %d %v", w.Code, w.Header())
	}
}

func TestUnchangedJobCostsNoBody(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	job := m.submitted(t)
	for _, c := range []struct {
		name string
		tags []string
		want int
	}{
		{"same", []string{`"1"`}, 304},
		{"weak", []string{`W/"1"`}, 304},
		{"any", []string{`*`}, 304},
		{"one of several", []string{`"0", "1"`}, 304},
		{"one of several lines", []string{`"0"`, `"1"`}, 304},
		{"older", []string{`"0"`}, 200},
		{"not quoted", []string{`1`}, 200},
		{"empty", []string{``}, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			var headers []string
			for _, tag := range c.tags {
				headers = append(headers, "If-None-Match", tag)
			}
			w := do(t, h, "GET", "/jobs/"+job.ID, "", headers...)
			if w.Code != c.want || w.Header().Get("ETag") != `"1"` {
				t.Errorf("got %d %v, want %d", w.Code, w.Header(), c.want)
			}
		})
	}
}

func TestWaitingIsShown(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	job := m.submitted(t)
	look := func(tag string) *httptest.ResponseRecorder {
		return do(t, h, "GET", "/jobs/"+job.ID, "", "If-None-Match", tag)
	}
	place := func(position int, start time.Time) {
		m.jobs[job.ID].Waiting = &tasks.Waiting{Queue: "local.high", Since: job.CreatedAt, Position: position, ExpectedStart: start, ExpectedEnd: start.Add(time.Minute)}
	}
	soon := job.CreatedAt.Add(20 * time.Second)
	place(3, soon)
	w := look("")
	if got := decode[tasks.Job](t, w).Waiting; got == nil || got.Queue != "local.high" || got.Position != 3 || !got.ExpectedStart.Equal(soon) {
		t.Errorf("got %+v", got)
	}
	tag := w.Header().Get("ETag")
	if tag != `W/"1-local.high-3"` {
		t.Errorf("ETag: got %s", tag)
	}
	place(3, soon.Add(time.Second))
	if got := look(tag).Code; got != http.StatusNotModified {
		t.Errorf("another estimate: got %d, want 304", got)
	}
	place(2, soon)
	if got := look(tag).Code; got != http.StatusOK {
		t.Errorf("another position: got %d, want 200", got)
	}
	m.becomes(job.ID, tasks.Running)
	w = look(tag)
	if got := decode[tasks.Job](t, w).Waiting; got != nil || w.Header().Get("ETag") != `"2"` {
		t.Errorf("running: got %+v, ETag %s", got, w.Header().Get("ETag"))
	}
}

func TestCancel(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	job := m.submitted(t)
	for _, when := range []string{"first", "again"} {
		w := do(t, h, "POST", "/jobs/"+job.ID+"/cancel", "")
		if got := decode[tasks.Job](t, w); w.Code != http.StatusOK || got.State != tasks.Canceled || got.Sequence != 2 {
			t.Errorf("%s: got %d %+v", when, w.Code, got)
		}
	}
}

func TestAgents(t *testing.T) {
	h := newAPI(t, Config{}, newMemory().deps())
	list := decode[struct{ Agents []tasks.Agent }](t, do(t, h, "GET", "/agents", ""))
	if len(list.Agents) != 2 || list.Agents[0].ID != "A02" {
		t.Errorf("list: got %+v", list)
	}
	for _, want := range catalogue() {
		got := decode[AgentDefinition](t, do(t, h, "GET", "/agents/"+want.ID, ""))
		if got.ID != want.ID || got.InputSchema == nil || got.OutputSchema == nil {
			t.Errorf("%s: got %+v", want.ID, got)
		}
	}
}

func TestHead(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	job := m.submitted(t)
	for _, target := range []string{"/health", "/agents", "/openapi.yaml", "/jobs/" + job.ID, "/jobs/" + job.ID + "/events"} {
		w := do(t, h, "HEAD", target, "")
		if w.Code != http.StatusOK || w.Body.Len() > 0 {
			t.Errorf("%s: got %d and %d bytes", target, w.Code, w.Body.Len())
		}
	}
}

func TestOptions(t *testing.T) {
	h := newAPI(t, Config{}, newMemory().deps())
	w := do(t, h, "OPTIONS", "/agents", "")
	if w.Code != http.StatusNoContent || w.Header().Get("Allow") != "OPTIONS, GET, HEAD" {
		t.Errorf("got %d %v", w.Code, w.Header())
	}
}

func TestRetryAfter(t *testing.T) { synctest.Test(t, testRetryAfter) }

func testRetryAfter(t *testing.T) {
	in := func(d time.Duration) time.Time { return time.Now().Add(d) } // the clock stands still
	scorecard := &tasks.Plan{Reason: tasks.PlanLastResort}
	for name, c := range map[string]struct {
		job  tasks.Job
		want int
	}{
		"much time left":           {tasks.Job{State: tasks.Queued, TargetAt: in(10 * time.Minute)}, latest},
		"a quarter of what is":     {tasks.Job{State: tasks.Running, TargetAt: in(20 * time.Second)}, 5},
		"no time left":             {tasks.Job{State: tasks.Running, TargetAt: in(-time.Minute)}, soonest},
		"scheduled":                {tasks.Job{State: tasks.Scheduled, RunAt: in(time.Minute), TargetAt: in(2 * time.Minute)}, 60},
		"scheduled for far away":   {tasks.Job{State: tasks.Scheduled, RunAt: in(48 * time.Hour)}, latestScheduled},
		"the scorecard is on turn": {tasks.Job{State: tasks.Queued, TargetAt: in(10 * time.Minute), Plan: scorecard}, soonest},
	} {
		if got := retryAfter(&c.job); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}
