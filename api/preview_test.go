package api

import (
	"encoding/json"
	"net/http"
	"regexp"
	"testing"

	"github.com/topcentral/spillway/tasks"
)

func TestADryRunMakesNoJob(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	w := do(t, h, "POST", "/jobs?dry_run=true", submission, "Idempotency-Key", `"k"`, "Prefer", "wait=5")
	if w.Code != http.StatusOK || w.Header().Get("Location") != "" || w.Header().Get("ETag") != "" {
		t.Fatalf("got %d %v, want 200 without a job's headers: %s", w.Code, w.Header(), w.Body)
	}
	var p struct {
		Job struct {
			ID   string      `json:"id"`
			Plan *tasks.Plan `json:"plan"`
		} `json:"job"`
		MaxCost string `json:"max_cost_usd"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if p.Job.ID != "" || p.Job.Plan == nil || p.Job.Plan.Reason != tasks.PlanUnserved || p.MaxCost != "0.001" {
		t.Errorf("preview: got %s", w.Body)
	}
	if len(m.jobs) != 0 {
		t.Errorf("jobs: got %d, want none", len(m.jobs))
	}
	if w := do(t, h, "POST", "/jobs", submission, "Idempotency-Key", `"k"`); w.Code != http.StatusAccepted {
		t.Errorf("the key after that: got %d, want it unused: %s", w.Code, w.Body)
	}
}

// The path of its own answers as the parameter does, and leaves no audit line.
func TestAPlanIsADryRun(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	plan, dry := do(t, h, "POST", "/jobs/plan", submission), do(t, h, "POST", "/jobs?dry_run=true", submission)
	times := regexp.MustCompile(`"[\d-]+T[\d:.]+Z"`)
	got, want := times.ReplaceAllString(plan.Body.String(), ""), times.ReplaceAllString(dry.Body.String(), "")
	if plan.Code != http.StatusOK || got != want || len(m.jobs) != 0 {
		t.Errorf("got %d %s, want 200 %s", plan.Code, got, want)
	}
	if w := do(t, h, "POST", "/jobs/plan", `{"agent":"A02"}`); w.Code != http.StatusBadRequest {
		t.Errorf("without an input: got %d", w.Code)
	}
}

func TestADryRunFindsTheSameFaults(t *testing.T) {
	h := newAPI(t, Config{}, newMemory().deps())
	for target, body := range map[string]string{
		"/jobs?dry_run=true":  `{"agent":"A02","input":{"bad":1}}`,
		"/jobs?dry_run=1":     `{"agent":"A02","input":{},"color":"red"}`,
		"/jobs?dry_run=maybe": submission,
	} {
		if w := do(t, h, "POST", target, body); w.Code != http.StatusBadRequest {
			t.Errorf("%s %s: got %d, want 400: %s", target, body, w.Code, w.Body)
		}
	}
	if w := do(t, h, "POST", "/jobs?dry_run=false", submission); w.Code != http.StatusAccepted {
		t.Errorf("dry_run=false: got %d, want 202: %s", w.Code, w.Body)
	}
}
