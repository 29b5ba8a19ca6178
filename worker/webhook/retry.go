package webhook

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/topcentral/spillway/tasks/queue"
)

// schedule holds the waits before each try, the example of Standard Webhooks:
// ten tries over three days and some hours.
var schedule = [...]time.Duration{
	0,
	5 * time.Second,
	5 * time.Minute,
	30 * time.Minute,
	2 * time.Hour,
	5 * time.Hour,
	10 * time.Hour,
	14 * time.Hour,
	20 * time.Hour,
	24 * time.Hour,
}

// MaxTries is how often a webhook is tried before it is given up.
const MaxTries = len(schedule)

// Other waits, before jitter.
const (
	storeWait = 5 * time.Second // the store is unavailable
	maxWait   = 24 * time.Hour  // what a receiver may ask for with Retry-After
)

// verdict turns the outcome of a delivery, after tries earlier ones, into the
// answer of Handle. Here alone it is decided what is tried again.
func verdict(o Outcome, tries int) error {
	switch o.Class {
	case Delivered:
		return nil
	case Gone:
		return fmt.Errorf("webhook %w: the receiver answered 410", queue.ErrGivenUp)
	case Busy:
		return &queue.Retry{After: o.Later}
	case Interrupted:
		return &queue.Retry{}
	}
	return again(tries, o.RetryAfter, fmt.Errorf("webhook not delivered: %s", o.Class))
}

// again answers for a try that failed after tries earlier ones. A receiver may
// ask for a longer wait than the schedule's, not for a shorter one.
func again(tries int, asked time.Duration, cause error) error {
	if tries+1 >= MaxTries {
		return fmt.Errorf("webhook %w after %d tries: %w", queue.ErrGivenUp, tries+1, cause)
	}
	after := max(jitter(schedule[tries+1]), min(asked, maxWait))
	return &queue.Retry{After: after, Counts: true, Cause: cause}
}

// jitter moves d by up to 15 % either way, so that webhooks which failed
// together do not come back together.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.85 + 0.3*rand.Float64()))
}
