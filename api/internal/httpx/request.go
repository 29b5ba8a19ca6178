package httpx

import (
	"context"
	"crypto/rand"
	"net/http"
	"regexp"
	"strings"
)

// HeaderRequestID is the header by which callers and logs name a request.
const HeaderRequestID = "X-Request-Id"

// safeRequestID is what may be repeated in headers and logs.
var safeRequestID = regexp.MustCompile(`^[A-Za-z0-9._~:-]{1,128}$`)

// NewRequestID returns the caller's ID for the request, or a new one.
func NewRequestID(r *http.Request) string {
	if id := r.Header.Get(HeaderRequestID); safeRequestID.MatchString(id) {
		return id
	}
	return "req_" + strings.ToLower(rand.Text())
}

type requestIDKey struct{}

// WithRequestID returns a context of the request of that ID.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the ID of the request that ctx belongs to.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// JoinLists joins list headers that came in several lines (RFC 9110 §5.3), which
// the generated binding would refuse. Two idempotency keys are still refused, but
// with a reason.
func JoinLists(h http.Header) {
	for _, name := range []string{"Prefer", "If-None-Match", HeaderIdempotencyKey} {
		if lines := h.Values(name); len(lines) > 1 {
			h.Set(name, strings.Join(lines, ", "))
		}
	}
}

// WithoutBody answers HEAD: it refuses the body, which also ends an event stream
// right after its headers.
type WithoutBody struct{ http.ResponseWriter }

// Write refuses the body.
func (WithoutBody) Write([]byte) (int, error) { return 0, http.ErrBodyNotAllowed }

// Unwrap lets http.ResponseController reach the underlying writer.
func (w WithoutBody) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Matches reports whether the list of an If-None-Match header names tag. It does
// not matter whether either is weak (RFC 9110 §13.1.2).
func Matches(list, tag string) bool {
	tag = strings.TrimPrefix(tag, "W/")
	for candidate := range strings.SplitSeq(list, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}
