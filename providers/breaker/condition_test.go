package breaker_test

import (
	"testing"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/breaker"
)

// What a refusal says of its candidate follows from how the calls before it ended.
func TestARefusalSaysInWhichConditionItsCandidateIs(t *testing.T) {
	for class, want := range map[providers.Class]providers.Condition{
		providers.ClassServer:      providers.Failing,
		providers.ClassTransport:   providers.Failing,
		providers.ClassBadOutput:   providers.Failing,
		providers.ClassRateLimited: providers.Busy,
		providers.ClassAuthDead:    providers.Lasting,
		providers.ClassQuotaDead:   providers.Lasting,
	} {
		d := newDesk(t, breaker.Config{})
		var refused *providers.Refusal
		for range 20 {
			leave, refusal := d.begin()
			if refused = refusal; refused != nil {
				break
			}
			a := &providers.Attempt{Called: true, Outcome: string(class)}
			if class == providers.ClassRateLimited {
				a.RetryAfter = time.Minute
			}
			leave(a)
		}
		if refused == nil || refused.Condition != want {
			t.Errorf("%s: refused with %+v, want condition %d", class, refused, want)
		}
	}
}
