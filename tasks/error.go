package tasks

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code names a kind of error. Codes cross the wire in jobs and in HTTP
// problems; they are stable and never reused.
type Code string

// The error codes.
const (
	CodeInvalid      Code = "invalid_request"        // the caller's input is at fault; see Faults
	CodeUnknownAgent Code = "unknown_agent"          // no agent of that ID
	CodeNotFound     Code = "not_found"              // no such job for this tenant
	CodeConflict     Code = "conflict"               // the job's state does not allow it
	CodeKeyReused    Code = "idempotency_key_reused" // the key has made a job of another request
	CodeNoMethod     Code = "method_not_allowed"     // the path exists, but not with this method
	CodeTooLarge     Code = "payload_too_large"      // the request body exceeds the limit
	CodeMediaType    Code = "unsupported_media_type" // the request body is of no type that is understood
	CodeTooSlow      Code = "request_timeout"        // the request body did not arrive in time
	CodeExhausted    Code = "providers_exhausted"    // every candidate on every allowed lane failed
	CodeDeadline     Code = "deadline_exceeded"      // the job's deadline came first
	CodeCrashLoop    Code = "crash_loop"             // the job's workers died too often
	CodeNoCredential Code = "unauthenticated"        // no credential, or none that counts
	CodeForbidden    Code = "forbidden"              // the caller may not do this, or not from there
	CodeRateLimited  Code = "rate_limited"           // too many requests; see RetryAfter
	CodeQuota        Code = "quota_exceeded"         // the tenant has too many jobs waiting; see RetryAfter
	CodeUnavailable  Code = "unavailable"            // a part that Spillway needs (Redis) is unavailable; try again
	CodeInternal     Code = "internal"               // our fault; the message holds no cause
)

// Error is the one error type that crosses a package or a wire: a stable code,
// a message that is safe to show to the caller, and a private cause that is
// only logged.
type Error struct {
	Code    Code    `json:"code"`
	Message string  `json:"message"`
	Faults  []Fault `json:"faults,omitempty"`

	cause error
	after time.Duration
}

// Fault is one thing wrong with a piece of caller's input.
type Fault struct {
	Pointer string `json:"pointer"` // JSON Pointer (RFC 6901) into the request body
	Detail  string `json:"detail"`  // what is wrong there, and what would be right
}

// Errorf returns an Error whose message is formatted as by fmt.Sprintf. The
// message is shown to callers, so it must not carry secrets or causes.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithCause returns a copy of e that wraps cause, for logs and errors.Is.
func (e *Error) WithCause(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// WithRetryAfter returns a copy of e with the time after which to try again.
func (e *Error) WithRetryAfter(d time.Duration) *Error {
	c := *e
	c.after = d
	return &c
}

// RetryAfter returns the time after which to try again, 0 if it is not known.
func (e *Error) RetryAfter() time.Duration { return e.after }

// Error returns code, message, faults and cause, for logs. Callers are shown
// Message and Faults only. The request to try again is to them: an operator has the
// cause in its place.
func (e *Error) Error() string {
	var b strings.Builder
	message := e.Message
	if e.cause != nil {
		message = strings.TrimSuffix(strings.TrimSuffix(message, "."), "; try again shortly")
	}
	fmt.Fprintf(&b, "%s: %s", e.Code, message)
	for _, f := range e.Faults {
		fmt.Fprintf(&b, "; %s: %s", f.Pointer, f.Detail)
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	return b.String()
}

// Unwrap returns the private cause, nil if there is none.
func (e *Error) Unwrap() error { return e.cause }

// CodeOf returns the code of the first Error in err's chain, CodeInternal if
// there is none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}
