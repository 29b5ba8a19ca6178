package api

import (
	"strings"

	"github.com/topcentral/spillway/tasks"
)

const headerIdempotencyKey = "Idempotency-Key"

// maxKey is the longest idempotency key, without its quotes.
const maxKey = 255

// errKey refuses an idempotency key that cannot be read. It is not ignored: its
// sender counts on it.
var errKey = tasks.Errorf(tasks.CodeInvalid, "%s must be one string of 1 to %d printable ASCII characters in double quotes, "+
	`such as "8e03978e-40d5-43dd-bc93-6894a57f9324"; a quote or a backslash in it needs a backslash before it.`, headerIdempotencyKey, maxKey)

// parseKey reads an Idempotency-Key header: a string as RFC 8941 §3.3.3 writes
// it, or bare, as many clients send it. A bare key has no comma, for that would
// be two keys. No header is no key.
func parseKey(header *string) (string, error) {
	if header == nil {
		return "", nil
	}
	key := *header
	if quoted, ok := strings.CutPrefix(key, `"`); ok {
		if key, ok = unquote(quoted); !ok {
			return "", errKey
		}
	} else if strings.ContainsAny(key, `",`) {
		return "", errKey
	}
	if err := checkKey(key); err != nil {
		return "", err
	}
	return key, nil
}

// checkKey refuses a key that is empty, too long or not printable ASCII.
func checkKey(key string) error {
	unprintable := func(c rune) bool { return c < ' ' || c > '~' }
	if key == "" || len(key) > maxKey || strings.ContainsFunc(key, unprintable) {
		return errKey
	}
	return nil
}

// unquote reads the rest of a quoted string up to its closing quote; ok is false
// unless that is the end.
func unquote(s string) (text string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), i == len(s)-1
		case '\\':
			i++
			if i == len(s) || (s[i] != '"' && s[i] != '\\') {
				return "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", false
}
