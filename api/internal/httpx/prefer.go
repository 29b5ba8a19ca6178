package httpx

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Preferences are those of a Prefer header (RFC 7240) that are honored.
type Preferences struct {
	Async bool          // respond-async: which is the default anyway
	Wait  time.Duration // wait=N; 0: answer at once
}

// ParsePrefer reads a Prefer header. It ignores what is malformed or unknown, as
// RFC 7240 §2 demands; of a preference named twice the first counts. A wait above
// limit is shortened to it.
func ParsePrefer(header string, limit time.Duration) Preferences {
	var p Preferences
	seen := make(map[string]bool)
	for _, item := range splitUnquoted(header, ',') {
		preference := splitUnquoted(item, ';')[0] // its parameters mean nothing here
		name, value, _ := strings.Cut(preference, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if seen[name] {
			continue
		}
		seen[name] = true
		switch name {
		case "respond-async":
			p.Async = true
		case "wait":
			p.Wait = parseWait(strings.Trim(strings.TrimSpace(value), `"`), limit)
		}
	}
	return p
}

// parseWait reads a number of seconds; 0 if s is not one.
func parseWait(s string, limit time.Duration) time.Duration {
	n, err := strconv.ParseUint(s, 10, 32)
	if errors.Is(err, strconv.ErrRange) {
		return limit
	}
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, limit)
}

// splitUnquoted splits s at each separator outside of quotes.
func splitUnquoted(s string, separator rune) []string {
	var parts []string
	quoted, escaped, start := false, false, 0
	for i, c := range s {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// Applied returns the value of Preference-Applied, nil if no preference was
// applied.
func (p Preferences) Applied(waited bool) *string {
	var names []string
	if p.Async {
		names = append(names, "respond-async")
	}
	if waited {
		names = append(names, fmt.Sprintf("wait=%d", int(p.Wait.Seconds())))
	}
	if names == nil {
		return nil
	}
	return new(strings.Join(names, ", "))
}
