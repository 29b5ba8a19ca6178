package httpx

import (
	"strings"

	"github.com/topcentral/spillway/tasks"
)

// HeaderIdempotencyKey is the name of the header.
const HeaderIdempotencyKey = "Idempotency-Key"

// MaxIdempotencyKey is the length of the longest idempotency key, without its quotes.
const MaxIdempotencyKey = 255

// errIdempotencyKey refuses an idempotency key that cannot be read. It is not
// ignored, since its sender relies on it.
var errIdempotencyKey = tasks.Errorf(tasks.CodeInvalid, "%s must be one string of 1 to %d printable ASCII characters in double quotes, "+
	`such as "8e03978e-40d5-43dd-bc93-6894a57f9324"; a quote or a backslash in it needs a backslash before it.`, HeaderIdempotencyKey, MaxIdempotencyKey)

// ParseIdempotencyKey reads an Idempotency-Key header: a string as in RFC 8941
// §3.3.3, or a bare one, as many clients send it. A bare key has no comma, for
// that would be two keys. Without a header there is no key.
func ParseIdempotencyKey(header *string) (string, error) {
	if header == nil {
		return "", nil
	}
	key := *header
	if quoted, ok := strings.CutPrefix(key, `"`); ok {
		if key, ok = unquote(quoted); !ok {
			return "", errIdempotencyKey
		}
	} else if strings.ContainsAny(key, `",`) {
		return "", errIdempotencyKey
	}
	if err := CheckIdempotencyKey(key); err != nil {
		return "", err
	}
	return key, nil
}

// CheckIdempotencyKey refuses a key that is empty, too long or not printable ASCII.
func CheckIdempotencyKey(key string) error {
	unprintable := func(c rune) bool { return c < ' ' || c > '~' }
	if key == "" || len(key) > MaxIdempotencyKey || strings.ContainsFunc(key, unprintable) {
		return errIdempotencyKey
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
