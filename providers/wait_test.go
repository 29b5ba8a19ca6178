package providers_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
)

// A run waits for a candidate that is refused for a time, and is told of it once.
func TestARunWaitsForCandidatesThatHaveNoRoom(t *testing.T) {
	busy := providers.Refusal{Reason: tasks.OutcomeLimitReached, RetryAfter: 2 * time.Second, Condition: providers.Busy}
	sick := providers.Refusal{Reason: tasks.OutcomeBreakerOpen, RetryAfter: 2 * time.Second, Condition: providers.Failing}
	spent := providers.Refusal{Reason: tasks.OutcomeBudgetSpent, RetryAfter: 2 * time.Second, Condition: providers.Lasting}
	for _, c := range []struct {
		name    string
		refusal providers.Refusal
		times   int
		until   time.Duration
		took    time.Duration
		heard   []string // nobody answers unless the last one succeeds
	}{
		{"until it has room", busy, 3, time.Minute, 6 * time.Second, []string{"a/m:limit_reached", "a/m:succeeded"}},
		{"until its breaker lets a call pass", sick, 1, time.Minute, 2 * time.Second, []string{"a/m:breaker_open", "a/m:succeeded"}},
		{"no longer than it may", busy, 3, 5 * time.Second, 4 * time.Second, []string{"a/m:limit_reached"}},
		{"not where it may not", busy, 1, 0, 0, []string{"a/m:limit_reached"}},
		{"not for what passes only when a person acts", spent, 1, time.Minute, 0, []string{"a/m:budget_spent"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				guards := []providers.Guard{gate{"1", new([]string), refuses("a", c.times, c.refusal)}}
				answer, told, err := guarded(t.Context(), &providers.Route{WaitUntil: began.Add(c.until)}, guards, providertest.NewFake("a"))
				wantHeard(t, outcomes(told), c.heard...)
				if took := time.Since(began); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				if e, ok := errors.AsType[*providers.ExhaustedError](err); answer == nil && (!ok || e.Class != "") {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// It asks whoever comes first, and again at once when there is room sooner.
func TestARunWaitsForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, ready := time.Now(), make(chan struct{})
		time.AfterFunc(3*time.Second, func() { close(ready) })
		guards := []providers.Guard{
			gate{"1", new([]string), refuses("a", 1, providers.Refusal{Reason: tasks.OutcomeLimitReached, RetryAfter: 20 * time.Second, Condition: providers.Busy})},
			gate{"2", new([]string), refuses("b", 1, providers.Refusal{Reason: tasks.OutcomeLimitReached, RetryAfter: 10 * time.Second, Condition: providers.Busy, Ready: ready})},
		}
		answer, _, err := guarded(t.Context(), &providers.Route{WaitUntil: began.Add(time.Minute)}, guards, providertest.NewFake("a"), providertest.NewFake("b"))
		if err != nil || answer.Candidate.String() != "b/m" || time.Since(began) != 3*time.Second {
			t.Errorf("answer %+v after %v, error %v; want b after 3 s", answer, time.Since(began), err)
		}
	})
}

// A server that turns a call away for a time is waited for like a guard that does.
func TestARunWaitsForAServerThatHasNoRoom(t *testing.T) {
	for _, c := range []struct {
		name string
		err  *providers.Error
		took time.Duration
	}{
		{"rate limited, for a time", &providers.Error{Class: providers.ClassRateLimited, RetryAfter: 20 * time.Second}, 20 * time.Second},
		{"overloaded, for a time", &providers.Error{Class: providers.ClassOverloaded, RetryAfter: 30 * time.Second}, 30 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				a := providertest.NewFake("a").Does(providertest.Sequence(providertest.Fail(c.err), providertest.Answer("{}")))
				_, _, err := guarded(t.Context(), &providers.Route{WaitUntil: began.Add(time.Minute)}, nil, a)
				if err != nil || time.Since(began) != c.took {
					t.Errorf("error %v after %v, want an answer after %v", err, time.Since(began), c.took)
				}
			})
		})
	}
}

func TestWhoWaitsCanBeCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		guards := []providers.Guard{gate{"1", new([]string), refuses("a", 9, providers.Refusal{Reason: tasks.OutcomeLimitReached, RetryAfter: 5 * time.Second, Condition: providers.Busy})}}
		_, _, err := guarded(ctx, &providers.Route{WaitUntil: began.Add(time.Minute)}, guards, providertest.NewFake("a"))
		if providers.ClassOf(err) != providers.ClassCanceled || time.Since(began) != time.Second {
			t.Errorf("error %v after %v", err, time.Since(began))
		}
	})
}
