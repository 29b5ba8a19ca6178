package worker

import (
	"testing"

	"github.com/topcentral/spillway/providers"
)

// A job whose candidates were all refused stays with its lane: another worker
// would be refused as well, and this one is fit.
func TestARefusalSendsNoJobToAnotherWorker(t *testing.T) {
	a := &attempt{}
	for _, reason := range []string{providers.BreakerOpen, providers.LimitReached, providers.BudgetSpent} {
		if a.elsewhere(t.Context(), &providers.ExhaustedError{Refused: reason}) {
			t.Errorf("%s: handed on", reason)
		}
	}
}
