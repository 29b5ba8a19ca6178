package api

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Timely limits the time in which the body of r is to arrive, and in which the
// caller is to take each part of the answer, whatever the path and whatever comes
// of the request: a caller that stops to write or to read would else hold its
// connection and a goroutine for as long as it likes. The answer must be written
// to what Timely returns. Who reads the body to its end takes its limit away.
func Timely(w http.ResponseWriter, r *http.Request, body, answer time.Duration) http.ResponseWriter {
	control, limit := http.NewResponseController(w), answer
	// A server that cannot set deadlines has its own, so the errors are no matter.
	if r.ContentLength == 0 {
		_ = control.SetReadDeadline(time.Time{}) // it has arrived, and may last
	} else {
		// The server itself reads a rest that nobody wanted, before it answers: also
		// when the answer is written already.
		limit += body
		_ = control.SetReadDeadline(time.Now().Add(body))
		_ = control.SetWriteDeadline(time.Time{}) // of the request before; "100 Continue" may be written first
	}
	return timely{w, control, limit}
}

// timely is a response that must be taken in time.
type timely struct {
	http.ResponseWriter

	control *http.ResponseController
	limit   time.Duration // for each part
}

// answerPart is how much of an answer a caller must take within one limit, in
// bytes: a long answer may take longer than a short one.
const answerPart = 64 << 10

// begin starts the time for a part.
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
	} else if ctx.Err() != nil {
		// The server takes the caller for gone, who may listen all the same. What may
		// last does not last for one that can no longer be seen to leave.
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(context.WithoutCancel(ctx))
		time.AfterFunc(s.cfg.RequestTimeout, cancel)
	}
	r = r.WithContext(ctx)
	r.Body, r.ContentLength = http.NoBody, 0
	return r, nil
}
