package providers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Error is how a provider fails. Class decides what happens next; Message is
// safe to show to an operator: it holds no key, and as little as possible of
// the conversation. The cause is for errors.Is and for logs.
type Error struct {
	Class      Class
	Status     int           // the HTTP status; 0 when there was none
	RetryAfter time.Duration // when the server asks us to try again; 0 if it does not
	Message    string

	cause error
}

// Errorf returns an Error whose message is formatted as by fmt.Sprintf.
func Errorf(class Class, format string, args ...any) *Error {
	return &Error{Class: class, Message: fmt.Sprintf(format, args...)}
}

// WithCause returns a copy of e that wraps cause.
func (e *Error) WithCause(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Error returns class, status and message, for logs. The cause is left out: a
// foreign error's text may hold what must not be shown. So is the message of
// ClassBadOutput, since it quotes what a model has written of the input.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Class))
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	if e.Message != "" && e.Class != ClassBadOutput {
		b.WriteString(": ")
		b.WriteString(e.Message)
	}
	return b.String()
}

// Unwrap returns the cause, nil if there is none.
func (e *Error) Unwrap() error { return e.cause }

// ClassOf returns the class of the first Error in err's chain. A bare context
// error is ClassCanceled, any other error ClassServer; nil and a *Refusal, which
// is no failure of anyone, are "".
func ClassOf(err error) Class {
	if err == nil {
		return ""
	}
	if _, ok := errors.AsType[*Refusal](err); ok {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return ClassCanceled
	}
	return ClassServer
}

// Canceled returns the error for a call whose context has ended: of class
// canceled, wrapping the context's cause.
func Canceled(ctx context.Context) *Error {
	return Errorf(ClassCanceled, "the caller ended the call").WithCause(context.Cause(ctx))
}
