package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// reconnect is the time in milliseconds after which a browser resumes a stream
// that was cut.
const reconnect = 2000

// eventWriter writes Server-Sent Events (WHATWG HTML §9.2). The first write that
// fails or takes too long is the last: all later ones fail.
type eventWriter struct {
	timeout time.Duration

	mu      sync.Mutex // guards what follows: events and heartbeats take turns
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

// openEventWriter sends the headers of an event stream on w.
func openEventWriter(w http.ResponseWriter, timeout time.Duration) *eventWriter {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	e := &eventWriter{timeout: timeout, w: w, control: http.NewResponseController(w)}
	_ = e.write(fmt.Appendf(nil, "retry: %d\n\n", reconnect)) // a failure shows again at the first event
	return e
}

// event writes one event.
func (e *eventWriter) event(event tasks.Event) error {
	data, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("event %d: %w", event.Sequence, err)
	}
	return e.write(fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n\n", event.Sequence, event.Type, data))
}

// beat writes a comment every so often, until stop is called, which waits for
// one that is being written, or a write fails, which calls failed. Between
// comments it holds a timer, and no goroutine.
func (e *eventWriter) beat(every time.Duration, failed func()) (stop func()) {
	h := &heartbeat{out: e, every: every, failed: failed}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timer = time.AfterFunc(every, h.comment)
	return h.stop
}

// heartbeat is the comments on one stream.
type heartbeat struct {
	out    *eventWriter
	every  time.Duration
	failed func()

	mu    sync.Mutex // held while a comment is written
	timer *time.Timer
	over  bool
}

func (h *heartbeat) comment() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		return
	}
	if h.out.write([]byte(": still here\n\n")) != nil {
		h.failed()
		return
	}
	h.timer.Reset(h.every)
}

func (h *heartbeat) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
	h.timer.Stop()
}

// close starts the time in which the end of the stream must be taken.
func (e *eventWriter) close() {
	_ = e.control.SetWriteDeadline(time.Now().Add(e.timeout))
}

// write writes b and flushes it within the time limit. A server that cannot set
// deadlines is one of a test.
func (e *eventWriter) write(b []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return e.err
	}
	_ = e.control.SetWriteDeadline(time.Now().Add(e.timeout))
	if _, e.err = e.w.Write(b); e.err == nil {
		e.err = e.control.Flush()
	}
	if e.err == nil {
		// HTTP/2 ends a stream whose time is over also while nothing is written.
		_ = e.control.SetWriteDeadline(time.Time{})
	}
	return e.err
}
