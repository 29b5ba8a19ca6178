package webhook

import (
	"math/rand/v2"
	"time"
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

// maxWait bounds what a receiver may ask for with Retry-After.
const maxWait = 24 * time.Hour

// next returns the wait before the next try when tries have failed, and false
// when there is none. A receiver may ask for a longer wait, not a shorter one.
func next(tries int, asked time.Duration) (time.Duration, bool) {
	if tries >= MaxTries {
		return 0, false
	}
	return max(jitter(schedule[tries]), min(asked, maxWait)), true
}

// jitter moves d by up to 15 % either way, so that webhooks which failed
// together do not come back together.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.85 + 0.3*rand.Float64()))
}
