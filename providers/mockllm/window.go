package mockllm

import (
	"slices"
	"time"
)

// window counts the calls of the last minute, and those in flight.
type window struct {
	past    []spent // oldest first
	running int
}

type spent struct {
	at     time.Time
	tokens int
}

// acquire counts a call, or returns how long to wait.
func (w *window) acquire(l Limits, tokens int, now time.Time) (wait time.Duration, ok bool) {
	for len(w.past) > 0 && now.Sub(w.past[0].at) >= time.Minute {
		w.past = w.past[1:]
	}
	if l.Concurrency > 0 && w.running >= l.Concurrency {
		return time.Second, false
	}
	if l.Requests > 0 && len(w.past) >= l.Requests {
		return w.until(len(w.past)-l.Requests, now), false
	}
	if l.Tokens > 0 {
		sum := tokens
		for i, past := range slices.Backward(w.past) {
			if sum += past.tokens; sum > l.Tokens {
				return w.until(i, now), false
			}
		}
	}
	w.running++
	if l.Requests > 0 || l.Tokens > 0 {
		w.past = append(w.past, spent{now, tokens})
	}
	return 0, true
}

func (w *window) release() { w.running-- }

// until returns when the ith call of the past is a minute old.
func (w *window) until(i int, now time.Time) time.Duration {
	return w.past[i].at.Add(time.Minute).Sub(now)
}
