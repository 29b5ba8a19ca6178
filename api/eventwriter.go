package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// reconnect is the time in milliseconds after which a browser resumes a stream
// that was cut.
const reconnect = 2000

// errNotTaken says that a caller has gone, or takes what it is told too slowly.
var errNotTaken = errors.New("not taken")

// eventWriter writes Server-Sent Events (WHATWG HTML §9.2). The first write that
// fails or takes too long should be the last.
type eventWriter struct {
	timeout time.Duration
	w       http.ResponseWriter
	control *http.ResponseController
}

func newEventWriter(w http.ResponseWriter, timeout time.Duration) *eventWriter {
	return &eventWriter{timeout: timeout, w: w, control: http.NewResponseController(w)}
}

// open sends the headers of an event stream.
func (e *eventWriter) open() error {
	h := e.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
	e.w.WriteHeader(http.StatusOK)
	return e.write(fmt.Appendf(nil, "retry: %d\n\n", reconnect))
}

// event writes one event.
func (e *eventWriter) event(event tasks.Event) error {
	data, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("event %d: %w", event.Sequence, err)
	}
	return e.write(fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n\n", event.Sequence, event.Type, data))
}

// comment writes a line that callers ignore.
func (e *eventWriter) comment(text string) error {
	return e.write(fmt.Appendf(nil, ": %s\n\n", text))
}

// close starts the time in which the end of the stream must be taken.
func (e *eventWriter) close() {
	_ = e.control.SetWriteDeadline(time.Now().Add(e.timeout))
}

// write writes b and flushes it within the time limit, or fails with errNotTaken.
// A server that cannot set deadlines is one of a test.
func (e *eventWriter) write(b []byte) error {
	_ = e.control.SetWriteDeadline(time.Now().Add(e.timeout))
	if _, err := e.w.Write(b); err != nil {
		return fmt.Errorf("%w: %w", errNotTaken, err)
	}
	if err := e.control.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errNotTaken, err)
	}
	// HTTP/2 ends a stream whose time is over also while nothing is written.
	_ = e.control.SetWriteDeadline(time.Time{})
	return nil
}
