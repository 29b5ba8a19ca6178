package providers_test

import (
	"testing"
	"time"

	"github.com/topcentral/spillway/providers"
)

func TestMetered(t *testing.T) {
	for _, c := range []struct {
		name string
		told providers.Attempt
		want bool
	}{
		{"not made", providers.Attempt{Outcome: providers.BudgetSpent}, true},
		{"reported", providers.Attempt{Called: true, Outcome: "timeout", Usage: providers.Usage{Input: 1}}, true},
		{"turned away", providers.Attempt{Called: true, Outcome: "rate_limited"}, true},
		{"not reached", providers.Attempt{Called: true, Outcome: "transport"}, true},
		{"broke off", providers.Attempt{Called: true, Outcome: "transport", FirstToken: time.Millisecond}, false},
		{"not waited for", providers.Attempt{Called: true, Outcome: "timeout"}, false},
		{"canceled", providers.Attempt{Called: true, Outcome: "canceled"}, false},
		{"no word of usage", providers.Attempt{Called: true, Outcome: providers.Succeeded}, false},
	} {
		if got := c.told.Metered(); got != c.want {
			t.Errorf("%s: got %t", c.name, got)
		}
	}
}
