package tasks

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// secrets is what no tenant may read of a job, in the words of servers.
var secrets = []string{"studio-4711", "10.0.0.5", "account", "balance", "provider:kimi", "quota_dead", "half_open", "12.5", "2026-12-24"}

func TestAPublicJobTellsNothingOfTheInstallation(t *testing.T) {
	left, at := Money(12_500_000_000_000), time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)
	attempt := func(outcome, message string) Attempt {
		return Attempt{
			Number: 1, Lane: Cloud, Worker: "studio-4711-x7k2mq", Candidate: "kimi/kimi-k2.6", Outcome: outcome, Message: message,
			RetryAt: at, BudgetLeft: &left, Breaker: "half_open", Tokens: Tokens{Input: 7}, Cost: 3,
		}
	}
	job := &Job{ID: "job_1", Attempts: []Attempt{
		attempt("transport", `Post "http://10.0.0.5:11434/api/chat": connection refused`),
		attempt("quota_dead", "your account has no balance"),
		attempt(OutcomeBudgetSpent, "the budget provider:kimi is spent"),
		attempt("bad_output", "at /score: must be at most 100"),
		attempt("of_tomorrow", "the account of 10.0.0.5"),
		attempt(OutcomeSucceeded, ""),
	}}
	public := job.Public()
	text, err := json.Marshal(public)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		if strings.Contains(string(text), secret) {
			t.Errorf("it tells %q: %s", secret, text)
		}
	}
	for i, want := range []string{"transport", OutcomeUnavailable, OutcomeBudgetSpent, "bad_output", "of_tomorrow", OutcomeSucceeded} {
		a := public.Attempts[i]
		if a.Outcome != want || a.Candidate != "kimi/kimi-k2.6" || a.Tokens.Input != 7 || a.Cost != 3 || a.Worker != public.Attempts[0].Worker || a.Worker == "" {
			t.Errorf("attempt %d: got %+v", i, a)
		}
	}
	if got := public.Attempts[3].Message; got != "at /score: must be at most 100" {
		t.Errorf("what was wrong with the answer: got %q", got)
	}
	if job.Attempts[0].Worker != "studio-4711-x7k2mq" {
		t.Error("the job itself was changed")
	}
}

func TestAPublicEvent(t *testing.T) {
	for _, tt := range []struct {
		typ        EventType
		data, want string
	}{
		{EventRunning, `{"lane":"local","worker":"studio-4711-x7k2mq"}`, `{"lane":"local","worker":"` + publicWorker("studio-4711-x7k2mq") + `"}`},
		{EventProgress, `{"candidate":"kimi/k2","outcome":"auth_dead"}`, `{"candidate":"kimi/k2","outcome":"unavailable"}`},
		{EventProgress, `{"candidate":"kimi/k2","outcome":"succeeded"}`, `{"candidate":"kimi/k2","outcome":"succeeded"}`},
		{EventDelta, `{"text":"worker"}`, `{"text":"worker"}`},
		{EventRunning, ``, ``},
	} {
		if got := (Event{Type: tt.typ, Data: json.RawMessage(tt.data)}).Public(); string(got.Data) != tt.want {
			t.Errorf("%s %s: got %s, want %s", tt.typ, tt.data, got.Data, tt.want)
		}
	}
}
