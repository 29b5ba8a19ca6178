package httpx

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// WithDeadlines limits the time in which the body of r must arrive and the time
// in which the caller must take each part of the answer, whatever the path and
// the outcome: otherwise a caller that stops sending or reading could hold a
// connection and a goroutine for as long as it likes. The answer must be written
// to the returned writer. [ReadBody] and [DiscardBody] lift the deadline for the
// body once they have read it to its end.
func WithDeadlines(w http.ResponseWriter, r *http.Request, body, answer time.Duration) http.ResponseWriter {
	control, limit := http.NewResponseController(w), answer
	// A server that cannot set deadlines has its own, so the errors do not matter.
	if r.ContentLength == 0 {
		_ = control.SetReadDeadline(time.Time{}) // it has arrived, and the answer may take long
	} else {
		// The server itself reads what is left of an unread body before it answers,
		// even when the answer has been written already.
		limit += body
		_ = control.SetReadDeadline(time.Now().Add(body))
		_ = control.SetWriteDeadline(time.Time{}) // of the request before; "100 Continue" may be written first
	}
	return deadlineWriter{w, control, limit}
}

// deadlineWriter is a response each part of which must be taken within a limit.
type deadlineWriter struct {
	http.ResponseWriter

	control *http.ResponseController
	limit   time.Duration
}

// answerPart is how much of an answer a caller must take within one limit, in
// bytes: a long answer may take longer than a short one.
const answerPart = 64 << 10

func (d deadlineWriter) startPart() { _ = d.control.SetWriteDeadline(time.Now().Add(d.limit)) }

// WriteHeader writes the headers.
func (d deadlineWriter) WriteHeader(status int) {
	d.startPart()
	d.ResponseWriter.WriteHeader(status)
}

// Write writes b in parts.
func (d deadlineWriter) Write(b []byte) (n int, err error) {
	for {
		d.startPart()
		m, err := d.ResponseWriter.Write(b[n:min(len(b), n+answerPart)])
		n += m
		if err != nil || n >= len(b) {
			return n, err
		}
	}
}

// Unwrap lets http.ResponseController reach the underlying writer.
func (d deadlineWriter) Unwrap() http.ResponseWriter { return d.ResponseWriter }

// BodyLimits bound the reading of a request body.
type BodyLimits struct {
	Bytes int64
	Time  time.Duration // until the body has arrived
}

// ReadBody reads the body of r. Its error is a *tasks.Error with CodeTooLarge,
// CodeTooSlow or CodeInvalid.
func ReadBody(w http.ResponseWriter, r *http.Request, limits BodyLimits) ([]byte, error) {
	tooLarge := tasks.Errorf(tasks.CodeTooLarge, "The request body must not exceed %d bytes.", limits.Bytes)
	if r.ContentLength > limits.Bytes {
		return nil, tooLarge
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(limits.Time)) // anew: authentication may have taken a while
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limits.Bytes))
	if err == nil {
		_ = control.SetReadDeadline(time.Time{}) // not after a failure: see WithDeadlines
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, tasks.Errorf(tasks.CodeTooSlow, "The request body did not arrive within %v.", limits.Time)
	}
	if err != nil {
		return nil, tasks.Errorf(tasks.CodeInvalid, "The request body ended too early.").WithCause(err)
	}
	return raw, nil
}

// DiscardBody reads and drops the body of a request that needs none, so that the
// deadline for the body does not cut an answer that takes long. A faulty body
// does no harm, except that a connection whose body never ends is closed. The
// returned request has no body.
func DiscardBody(w http.ResponseWriter, r *http.Request, limits BodyLimits) *http.Request {
	if r.ContentLength == 0 {
		return r
	}
	ctx := r.Context()
	if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, limits.Bytes)); err == nil {
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	} else if ctx.Err() != nil {
		// The server believes that the caller has gone, which may be listening all the
		// same. Since it can no longer be seen to leave, a long answer gets a deadline.
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(context.WithoutCancel(ctx))
		time.AfterFunc(limits.Time, cancel)
	}
	r = r.WithContext(ctx)
	r.Body, r.ContentLength = http.NoBody, 0
	return r
}
