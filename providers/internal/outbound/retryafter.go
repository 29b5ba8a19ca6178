package outbound

import (
	"cmp"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/topcentral/spillway/providers"
)

// maxRetryAfter is the longest wait that a server can ask for.
const maxRetryAfter = 24 * time.Hour

// RetryAfter returns how long a server asks the client to wait: by Retry-After-Ms,
// Retry-After (seconds, a duration or a date), the reset headers of OpenAI
// ("1m30s"), of Kimi (seconds) and of gateways (a time in Unix seconds or
// milliseconds), or the text of the error, in this order. It returns 0 when
// nothing says so. The reset headers come with every answer, and are an answer to
// a failure of class rate_limited alone.
func RetryAfter(class providers.Class, h http.Header, message string, now time.Time) time.Duration {
	var reset time.Duration
	if class == providers.ClassRateLimited {
		reset = cmp.Or(
			max(waitOf(h.Get("X-Ratelimit-Reset-Requests"), now), waitOf(h.Get("X-Ratelimit-Reset-Tokens"), now)),
			waitOf(h.Get("X-Ratelimit-Reset"), now),
			waitOf(h.Get("Ratelimit-Reset"), now),
		)
	}
	for _, wait := range []time.Duration{
		inUnits(h.Get("Retry-After-Ms"), time.Millisecond),
		waitOf(h.Get("Retry-After"), now),
		reset,
		NamedWait(message, now),
	} {
		if wait > 0 && wait <= maxRetryAfter {
			return wait
		}
	}
	return 0
}

// waitOf reads the value of a header: a number of seconds, a duration as Go
// writes it, a date, or a time in Unix seconds or milliseconds; 0 for anything
// else and for what is past.
func waitOf(v string, now time.Time) time.Duration {
	v = strings.TrimSpace(v)
	if d, err := time.ParseDuration(v); err == nil {
		return max(0, d)
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now))
	}
	if at, err := time.Parse(time.RFC3339, v); err == nil {
		return max(0, at.Sub(now))
	}
	const thisCentury, inMilliseconds = 1e9, 1e12
	n, err := strconv.ParseFloat(v, 64)
	switch {
	case err != nil:
		return 0
	case n >= inMilliseconds && n < 1e15:
		return max(0, time.UnixMilli(int64(n)).Sub(now))
	case n >= thisCentury && n < inMilliseconds:
		return max(0, time.UnixMilli(int64(n*1e3)).Sub(now))
	}
	return inUnits(v, time.Second)
}

// inUnits reads a number of units; 0 if it is none, or beyond what we believe.
func inUnits(v string, unit time.Duration) time.Duration {
	n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
	if err != nil || !(n > 0 && n <= float64(maxRetryAfter/unit)) {
		return 0
	}
	return time.Duration(n * float64(unit))
}

var (
	// goDuration matches the wait that an error's text names as Go writes it:
	// "Please try again in 6m0s", "retry in 1h2m3.5s".
	goDuration = regexp.MustCompile(`(?i)(?:try again|retry|resets?|wait)(?: again)? (?:in|after|for) ((?:[0-9.]+(?:ms|h|m|s))+)\b`)
	// spelled matches one in words: "try again after 1 seconds", "in 5 minutes".
	spelled = regexp.MustCompile(`(?i)(?:try again|retry|resets?|wait)(?: again)? (?:in|after|for) ([0-9.]+) ?(ms|milli|s\b|sec|min|m\b|h\b|hour)`)
	// chinese matches one in Chinese: "请在 20 秒后重试", "请 5 分钟后再试".
	chinese = regexp.MustCompile(`([0-9.]+) ?(毫秒|秒|分钟|分|小时) ?(?:之?后|以后)`)
	// instant matches a time: "2026-12-01 09:57:30", "2026-12-01T09:57:30Z".
	instant = regexp.MustCompile(`(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)? ?(Z\b|UTC|GMT|[+-]\d{2}:?\d{2})?`)
	// returns are the words beside a time at which a limit ends.
	returns = regexp.MustCompile(`(?i)reset|retry|try again|until|available|after|重置|恢复|重试|再试|解除|之后`)
)

// beijing is the zone of times in Chinese texts that name none.
var beijing = time.FixedZone("Asia/Shanghai", 8*60*60)

// NamedWait returns the wait that the text of an error names: a duration, or the
// time at which a limit ends; 0 if it names none, or one that is past or too far
// away to be believed.
func NamedWait(message string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if m := goDuration.FindStringSubmatch(message); m != nil {
		wait, _ = time.ParseDuration(strings.ToLower(m[1]))
	} else if m := spelled.FindStringSubmatch(message); m != nil {
		wait = inUnits(m[1], unitOf(m[2]))
	} else if m := chinese.FindStringSubmatch(message); m != nil {
		wait = inUnits(m[1], unitOf(m[2]))
	} else if m := instant.FindStringSubmatch(message); m != nil && returns.MatchString(message) {
		wait = until(m, strings.IndexFunc(message, isHan) >= 0, now)
	}
	if wait < 0 || wait > maxRetryAfter {
		return 0
	}
	return wait
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

func unitOf(word string) time.Duration {
	switch word = strings.ToLower(word); {
	case strings.HasPrefix(word, "ms"), strings.HasPrefix(word, "milli"), word == "毫秒":
		return time.Millisecond
	case strings.HasPrefix(word, "s"), word == "秒":
		return time.Second
	case strings.HasPrefix(word, "h"), word == "小时":
		return time.Hour
	}
	return time.Minute
}

// until returns how long it is until a time that instant has matched.
func until(m []string, chinese bool, now time.Time) time.Duration {
	clock, zone := m[2], time.UTC
	if len(clock) == len("15:04") {
		clock += ":00"
	}
	if chinese && m[3] == "" {
		zone = beijing
	}
	if sign := strings.ReplaceAll(m[3], ":", ""); len(sign) == len("+0800") {
		if at, err := time.Parse("2006-01-02 15:04:05-0700", m[1]+" "+clock+sign); err == nil {
			return at.Sub(now)
		}
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05", m[1]+" "+clock, zone)
	if err != nil {
		return 0
	}
	return at.Sub(now)
}
