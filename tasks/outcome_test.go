package tasks_test

import (
	"testing"

	"github.com/topcentral/spillway/tasks"
)

func TestWhichAttemptsAreCalls(t *testing.T) {
	for outcome, want := range map[string]bool{
		tasks.OutcomeSucceeded: true, tasks.OutcomeTimeout: true, tasks.OutcomeBadOutput: true,
		tasks.OutcomeCanceled: true, tasks.OutcomeWorkerLost: true, "of a later version": true, "limit": true,
		tasks.OutcomeBreakerOpen: false, tasks.OutcomeLimitReached: false, tasks.OutcomeBudgetSpent: false,
		tasks.OutcomeTooSlow: false, tasks.OutcomeNotMasked: false, tasks.OutcomeNotRecorded: false, tasks.OutcomeUnreachable: false,
	} {
		a := tasks.Attempt{Outcome: outcome}
		if got := a.Called(); got != want {
			t.Errorf("%s: got %t, want %t", outcome, got, want)
		}
	}
}
