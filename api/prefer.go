package api

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// preferences is what we honour of a Prefer header (RFC 7240).
type preferences struct {
	async bool          // respond-async: which is how we respond anyway
	wait  time.Duration // wait=N; 0: answer at once
}

// parsePrefer reads a Prefer header. What is malformed or unknown is ignored, as
// RFC 7240 §2 wants; of a preference named twice the first counts. A wait above
// limit is cut to it.
func parsePrefer(header string, limit time.Duration) preferences {
	var p preferences
	seen := make(map[string]bool)
	for _, item := range splitUnquoted(header, ',') {
		preference := splitUnquoted(item, ';')[0] // its parameters mean nothing to us
		name, value, _ := strings.Cut(preference, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if seen[name] {
			continue
		}
		seen[name] = true
		switch name {
		case "respond-async":
			p.async = true
		case "wait":
			p.wait = parseWait(strings.Trim(strings.TrimSpace(value), `"`), limit)
		}
	}
	return p
}

// parseWait reads a number of seconds, 0 if it is none.
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

// applied returns the value of Preference-Applied, nil if nothing was.
func (p preferences) applied(waited bool) *string {
	var names []string
	if p.async {
		names = append(names, "respond-async")
	}
	if waited {
		names = append(names, fmt.Sprintf("wait=%d", int(p.wait.Seconds())))
	}
	if names == nil {
		return nil
	}
	return new(strings.Join(names, ", "))
}
