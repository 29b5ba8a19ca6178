package httpx

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// reconnect is the time in milliseconds after which a browser resumes a stream
// that broke off.
const reconnect = 2000

// ErrSlowReader is the error of a write to a caller that has gone or reads too
// slowly.
var ErrSlowReader = errors.New("the caller has gone or reads too slowly")

// EventWriter writes Server-Sent Events (WHATWG HTML §9.2). After a write that
// fails nothing more should be written.
type EventWriter struct {
	timeout time.Duration
	w       http.ResponseWriter
	control *http.ResponseController
}

// NewEventWriter returns an EventWriter to w. The caller must take each write
// within timeout.
func NewEventWriter(w http.ResponseWriter, timeout time.Duration) *EventWriter {
	return &EventWriter{timeout: timeout, w: w, control: http.NewResponseController(w)}
}

// Open sends the headers of an event stream.
func (e *EventWriter) Open() error {
	h := e.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
	e.w.WriteHeader(http.StatusOK)
	return e.write(fmt.Appendf(nil, "retry: %d\n\n", reconnect))
}

// Event writes one event.
func (e *EventWriter) Event(event tasks.Event) error {
	data, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("event %d: %w", event.Sequence, err)
	}
	return e.write(fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n\n", event.Sequence, event.Type, data))
}

// Comment writes a line that callers ignore.
func (e *EventWriter) Comment(text string) error {
	return e.write(fmt.Appendf(nil, ": %s\n\n", text))
}

// Close starts the time within which the caller must take the end of the stream.
func (e *EventWriter) Close() {
	_ = e.control.SetWriteDeadline(time.Now().Add(e.timeout))
}

// write writes b and flushes it within the time limit, or fails with
// ErrSlowReader. Only the servers of tests cannot set deadlines.
func (e *EventWriter) write(b []byte) error {
	_ = e.control.SetWriteDeadline(time.Now().Add(e.timeout))
	if _, err := e.w.Write(b); err != nil {
		return fmt.Errorf("%w: %w", ErrSlowReader, err)
	}
	if err := e.control.Flush(); err != nil {
		return fmt.Errorf("%w: %w", ErrSlowReader, err)
	}
	// HTTP/2 resets a stream whose deadline has passed even while nothing is written.
	_ = e.control.SetWriteDeadline(time.Time{})
	return nil
}
