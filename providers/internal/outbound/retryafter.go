package outbound

import (
	"cmp"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
)

// maxRetryAfter bounds what we believe of a server that asks us to stay away.
const maxRetryAfter = 24 * time.Hour

// tryAgain matches the wait that OpenAI and Kimi name in an error's text:
// "Please try again in 20s", "please try again after 1 seconds".
var tryAgain = regexp.MustCompile(`(?i)try again (?:in|after) ([0-9.]+) ?(ms|s\b|sec|min|m\b)`)

// RetryAfter returns how long a server asks us to stay away: by Retry-After-Ms,
// Retry-After (seconds or a date), the reset headers of OpenAI ("1m30s") and of
// Kimi (seconds), or the text of the error, in this order. It returns 0 when
// nothing says so. The reset headers come with every answer, and are an answer to
// a failure of class rate_limited alone.
func RetryAfter(class providers.Class, h http.Header, message string, now time.Time) time.Duration {
	var reset time.Duration
	if class == providers.ClassRateLimited {
		reset = cmp.Or(
			max(resetIn(h.Get("X-Ratelimit-Reset-Requests")), resetIn(h.Get("X-Ratelimit-Reset-Tokens"))),
			inUnits(h.Get("X-Ratelimit-Reset"), time.Second),
		)
	}
	for _, wait := range []time.Duration{
		inUnits(h.Get("Retry-After-Ms"), time.Millisecond),
		retryAfter(h.Get("Retry-After"), now),
		reset,
		named(message),
	} {
		if wait > 0 && wait <= maxRetryAfter {
			return wait
		}
	}
	return 0
}

func retryAfter(v string, now time.Time) time.Duration {
	if at, err := http.ParseTime(v); err == nil {
		return at.Sub(now)
	}
	return inUnits(v, time.Second)
}

func resetIn(v string) time.Duration {
	if d, err := time.ParseDuration(v); err == nil {
		return d
	}
	return inUnits(v, time.Second)
}

// inUnits reads a number of units; 0 if it is none, or beyond what we believe,
// as a reset header that holds a date in Unix seconds is.
func inUnits(v string, unit time.Duration) time.Duration {
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || !(n > 0 && n <= float64(maxRetryAfter/unit)) {
		return 0
	}
	return time.Duration(n * float64(unit))
}

func named(message string) time.Duration {
	m := tryAgain.FindStringSubmatch(message)
	if m == nil {
		return 0
	}
	switch unit := strings.ToLower(m[2]); {
	case unit == "ms":
		return inUnits(m[1], time.Millisecond)
	case strings.HasPrefix(unit, "s"):
		return inUnits(m[1], time.Second)
	default:
		return inUnits(m[1], time.Minute)
	}
}
