package api

import (
	"context"
	"io"
	"net/http"
	"time"
)

// timely makes a caller take its answer in time, whatever the path and whatever
// comes of the request: one that stops to read would else hold its connection,
// the answer and a goroutine for as long as it likes.
type timely struct {
	http.ResponseWriter

	control *http.ResponseController
	limit   time.Duration // for each part
}

// answerPart is how much of an answer a caller must take within one limit, in
// bytes: a long answer may take longer than a short one.
const answerPart = 64 << 10

// newTimely returns w with a limit.
func newTimely(w http.ResponseWriter, limit time.Duration) timely {
	return timely{w, http.NewResponseController(w), limit}
}

// begin starts the time for a part. A server that cannot set deadlines has its
// own, so the error is no matter.
func (t timely) begin() { _ = t.control.SetWriteDeadline(time.Now().Add(t.limit)) }

// WriteHeader writes the headers.
func (t timely) WriteHeader(status int) {
	t.begin()
	t.ResponseWriter.WriteHeader(status)
}

// Write writes b in parts.
func (t timely) Write(b []byte) (n int, err error) {
	for {
		t.begin()
		m, err := t.ResponseWriter.Write(b[n:min(len(b), n+answerPart)])
		n += m
		if err != nil || n >= len(b) {
			return n, err
		}
	}
}

// Unwrap gives http.ResponseController the writer below.
func (t timely) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// limitBody gives the body of r, if there is one, limited time to arrive. Who
// reads it to its end takes the limit away; the server itself reads a rest that
// nobody wanted, and without the limit it would wait for that for ever, before
// it answers. A request without a body has arrived, and may last.
func (s *server) limitBody(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	if r.ContentLength == 0 {
		_ = rc.SetReadDeadline(time.Time{})
		return
	}
	_ = rc.SetWriteDeadline(time.Time{}) // of the request before; "100 Continue" may be written first
	_ = rc.SetReadDeadline(time.Now().Add(s.cfg.RequestTimeout))
}

// dropBody is the gate for requests that need no body. One that came all the same
// is read before what may last, which else would be cut when the time of the body
// is over. Whatever is wrong with it does no harm, but that the connection of one
// that did not come to its end is closed.
func (s *server) dropBody(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if r.ContentLength == 0 {
		return r, nil
	}
	ctx := r.Context()
	if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, s.cfg.MaxBody)); err == nil {
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	} else {
		ctx = context.WithoutCancel(ctx) // the server takes the caller for gone
	}
	r = r.WithContext(ctx)
	r.Body, r.ContentLength = http.NoBody, 0
	return r, nil
}
