package providers

import (
	"testing"
	"time"

	"github.com/topcentral/spillway/tasks"
)

func TestCallsThatTheServerDidNotMeterAreEstimated(t *testing.T) {
	var some received
	some.add(Delta{Text: "一二三四五六七八九十", Reasoning: "abcdefgh"})
	for _, c := range []struct {
		name     string
		attempt  Attempt
		received received
		want     Usage // zero: not estimated
	}{
		{"not made", Attempt{Outcome: tasks.OutcomeBudgetSpent}, received{}, Usage{}},
		{"reported", Attempt{Called: true, Outcome: "timeout", Usage: Usage{Input: 1}}, some, Usage{}},
		{"turned away", Attempt{Called: true, Outcome: "rate_limited"}, received{}, Usage{}},
		{"not reached", Attempt{Called: true, Outcome: "transport"}, received{}, Usage{}},
		{"broke off", Attempt{Called: true, Outcome: "transport"}, some, Usage{Input: 100, Output: 8, Reasoning: 2}},
		{"broke off, by its times", Attempt{Called: true, Outcome: "transport", FirstToken: time.Millisecond}, received{}, Usage{Input: 100}},
		{"not waited for", Attempt{Called: true, Outcome: "timeout"}, received{}, Usage{Input: 100}},
		{"canceled", Attempt{Called: true, Outcome: "canceled"}, some, Usage{Input: 100, Output: 8, Reasoning: 2}},
		{"no word of usage", Attempt{Called: true, Outcome: tasks.OutcomeSucceeded}, some, Usage{Input: 100, Output: 8, Reasoning: 2}},
	} {
		before := c.attempt.Usage
		c.attempt.estimate(100, c.received)
		if estimated := c.want != (Usage{}); c.attempt.Estimated != estimated || estimated && c.attempt.Usage != c.want || !estimated && c.attempt.Usage != before {
			t.Errorf("%s: got %+v, estimated %t", c.name, c.attempt.Usage, c.attempt.Estimated)
		}
	}
}

func TestScorecardUsesNoTokens(t *testing.T) {
	var some received
	some.add(Delta{Text: "a whole answer"})
	a := Attempt{Called: true, Outcome: tasks.OutcomeSucceeded}
	if a.estimate(0, some); a.Estimated || a.Usage != (Usage{}) {
		t.Errorf("got %+v, estimated %t; want no tokens without a prompt", a.Usage, a.Estimated)
	}
}
