package cli

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/topcentral/spillway/tasks"
)

var update = flag.Bool("update", false, "write the golden files anew")

// began is when the jobs of these tests were submitted.
var began = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func after(s float64) time.Time { return began.Add(time.Duration(s * float64(time.Second))) }

func secs(s float64) tasks.Duration { return tasks.Duration(s * float64(time.Second)) }

// explained is a job with both lanes, before anything has become of it.
func explained(reason tasks.PlanReason) *tasks.Job {
	return &tasks.Job{
		ID: "job_019a8f3e5c7d7a4b9c1d2e3f40516273", Tenant: "acme", Agent: "A02", Complexity: tasks.High,
		Privacy: tasks.PrivacyAny, OnExhausted: tasks.Degrade, Lanes: tasks.Lanes(),
		CreatedAt: began, SpillAt: after(35), TargetAt: after(60), Deadline: after(600),
		Plan: &tasks.Plan{MadeAt: began, Reason: reason, PressureLimit: 0.8, Lanes: []tasks.LanePlan{
			{Lane: tasks.Local, Served: true, Candidates: []string{"ollama/deepseek-r1:32b", "ollama/qwen2.5:7b"}, Pressure: 0.7, Backlog: secs(12), Expected: secs(30), Expected95: secs(68.3)},
			{Lane: tasks.Cloud, At: after(35), Served: true, Candidates: []string{"kimi/kimi-k3", "deepseek/deepseek-chat"}, Pressure: 0.183, Expected: secs(11), Expected95: secs(25)},
			{Lane: tasks.Scorecard, At: after(600), Served: true, Candidates: []string{"scorecard/rules"}},
		}},
	}
}

func TestExplain(t *testing.T) {
	spilled := explained(tasks.PlanFirstLane)
	spilled.State, spilled.AnsweredBy, spilled.Lane, spilled.Attempt = tasks.Succeeded, tasks.ByModel, tasks.Cloud, 2
	spilled.Privacy, spilled.StartedAt, spilled.EndedAt = tasks.Masked, after(1.2), after(47.9)
	spilled.Cost = 1_245_000_000
	left := tasks.Dollar * 4
	spilled.Attempts = []tasks.Attempt{
		{Number: 1, Lane: tasks.Local, Candidate: "ollama/deepseek-r1:32b", Outcome: "timeout", StartedAt: after(1.2), FirstTokenMS: 900, DurationMS: 34800,
			Message: "no piece of the answer came for 30 s", Tokens: tasks.Tokens{Input: 1200, Output: 410, Reasoning: 410}, TokenLimit: 700, Breaker: "closed", Next: []string{"ollama/qwen2.5:7b"}},
		{Number: 2, Lane: tasks.Cloud, Candidate: "kimi/kimi-k3", Outcome: "breaker_open", StartedAt: after(36.5), DurationMS: 0, Message: "it has failed 5 times in a row; asked again in 21 s", Breaker: "open", Next: []string{"deepseek/deepseek-chat"}},
		{Number: 2, Lane: tasks.Cloud, Candidate: "deepseek/deepseek-chat", Outcome: tasks.OutcomeSucceeded, StartedAt: after(36.5), FirstTokenMS: 620, DurationMS: 11300,
			Tokens: tasks.Tokens{Input: 1180, Cached: 900, Output: 640}, Cost: 1_245_000_000, BudgetLeft: &left, Breaker: "closed", Masked: map[string]int{"name": 3, "mobile": 1}},
	}

	cached := explained(tasks.PlanCached)
	cached.State, cached.AnsweredBy, cached.AnsweredAs = tasks.Succeeded, tasks.ByCache, "job_019a8f3e5c7d7a4b9c1d2e3f40510000"
	cached.EndedAt, cached.Saved = began, 1_245_000_000

	pressed := explained(tasks.PlanPressed)
	pressed.State, pressed.Lane, pressed.Attempt, pressed.StartedAt = tasks.Running, tasks.Cloud, 1, after(0.1)
	pressed.Plan.Lanes[0].Pressure, pressed.Plan.Lanes[0].Backlog, pressed.Plan.Lanes[1].At = 1.2, secs(42), began

	last := explained(tasks.PlanLastResort)
	last.State, last.AnsweredBy, last.Degraded, last.StartedAt, last.EndedAt = tasks.Succeeded, tasks.ByScorecard, true, after(0.1), after(0.2)
	last.Attempts = []tasks.Attempt{{Number: 1, Lane: tasks.Scorecard, Candidate: "scorecard/rules", Outcome: tasks.OutcomeSucceeded, StartedAt: after(0.1), DurationMS: 2}}
	for i := range 2 {
		last.Plan.Lanes[i].Served, last.Plan.Lanes[i].Candidates = false, nil
	}

	lost := explained(tasks.PlanFirstLane)
	lost.State, lost.AnsweredBy, lost.Degraded, lost.StartedAt, lost.EndedAt = tasks.Succeeded, tasks.ByScorecard, true, after(12.1), after(12.2)
	lost.Attempts = []tasks.Attempt{{Number: 1, Lane: tasks.Scorecard, Candidate: "scorecard/rules", Outcome: tasks.OutcomeSucceeded, StartedAt: after(12.1), DurationMS: 2}}
	lost.Replanned = explained(tasks.PlanLastResort).Plan
	lost.Replanned.MadeAt = after(12)
	for i := range 2 {
		lost.Replanned.Lanes[i].Served, lost.Replanned.Lanes[i].Candidates, lost.Replanned.Lanes[i].At = false, nil, time.Time{}
	}
	lost.Replanned.Lanes[2].At = time.Time{}

	waiting := explained(tasks.PlanUnserved)
	waiting.State, waiting.OnExhausted, waiting.Flexible = tasks.Queued, tasks.Wait, true
	waiting.Plan.Lanes[0].Served = false
	waiting.Waiting = &tasks.Waiting{Queue: "cloud.high", Since: began, Position: 3, ExpectedStart: after(8), ExpectedEnd: after(19)}

	shared := explained(tasks.PlanShared)
	shared.State, shared.Waiting = tasks.Queued, &tasks.Waiting{Queue: "shared.high", Since: began}

	failed := explained(tasks.PlanOnlyLane)
	failed.State, failed.EndedAt, failed.OnExhausted, failed.Crashes = tasks.Failed, after(600), tasks.GiveUp, 1
	failed.Lanes, failed.Plan.Lanes = failed.Lanes[:1], failed.Plan.Lanes[:1]
	failed.Error = tasks.Errorf(tasks.CodeDeadline, "no answer came before the job's deadline")
	failed.Attempts = []tasks.Attempt{{Number: 1, Lane: tasks.Local, Outcome: tasks.OutcomeWorkerLost, StartedAt: after(3), DurationMS: 8000}}

	long := explained(tasks.PlanOnlyLane)
	long.State, long.Attempt, long.Waiting = tasks.Queued, 71, &tasks.Waiting{Queue: "cloud.high", Since: after(700), Position: 1}
	for n := 1; n <= 70; n++ {
		lane, candidate := tasks.Cloud, "kimi/kimi-k3"
		if n%2 == 0 {
			lane, candidate = tasks.Local, "ollama/deepseek-r1:32b"
		}
		long.Attempts = append(long.Attempts, tasks.Attempt{Number: n, Lane: lane, Candidate: candidate, Outcome: "server", StartedAt: after(float64(10 * n)), DurationMS: 900, Message: "HTTP 500"})
	}
	long.Attempts = append(long.Attempts,
		tasks.Attempt{Number: 71, Lane: tasks.Cloud, Candidate: "kimi/kimi-k3", Outcome: tasks.OutcomeLimitReached, StartedAt: after(710), RetryAt: after(730), Message: "kimi: no more than 3 requests per minute are allowed (rpm)"},
		tasks.Attempt{Number: 71, Lane: tasks.Cloud, Candidate: "deepseek", Outcome: tasks.OutcomeUnreachable, StartedAt: after(710), Message: "the certificate has expired"})

	old := explained("")
	old.Plan, old.State, old.EndedAt = nil, tasks.Canceled, after(3)

	for name, j := range map[string]*tasks.Job{
		"spilled": spilled, "cached": cached, "pressed": pressed, "last_resort": last, "replanned": lost,
		"waiting": waiting, "shared": shared, "failed": failed, "without_plan": old, "long": long,
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			explain(&got, j, time.UTC)
			golden := filepath.Join("testdata", "explain", name+".txt")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || got.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s (%v)", &got, want, err)
			}
		})
	}
}
