package mockllm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// object is a JSON object to be sent.
type object = map[string]any

// sendJSON responds with v.
func sendJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(encode(v), '\n'))
}

func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("only what can be JSON is sent: %v", err))
	}
	return bytes.TrimSpace(b.Bytes())
}

// stream is an answer that is sent piece by piece.
type stream struct{ w http.ResponseWriter }

func (s stream) send(text string) {
	_, _ = s.w.Write([]byte(text))
	_ = http.NewResponseController(s.w).Flush() // a caller that is gone is noticed by its context
}

// whole sends an answer that takes no time in one piece.
type whole struct{ http.ResponseWriter }

// FlushError does nothing.
func (whole) FlushError() error { return nil }

// line sends a JSON value on a line of its own.
func (s stream) line(v any) { s.send(string(encode(v)) + "\n") }

// event sends a JSON value as a server-sent event.
func (s stream) event(v any) { s.send("data: " + string(encode(v)) + "\n\n") }

// garbage responds with a web page, as some proxies do.
func (s stream) garbage() {
	s.w.Header().Set("Content-Type", "text/html")
	s.send("<html><head><title>Welcome</title></head><body>It works!</body></html>\n")
}

// retryAfter sets Retry-After, if it is known.
func retryAfter(w http.ResponseWriter, seconds int) {
	if seconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
}

// words returns the service's error for the refusal, with what the refusal says
// otherwise.
func (c refusal) words(table map[Fault]failure, a *ask) failure {
	f, ok := table[c.fault]
	if !ok {
		f = table[BadRequest]
	}
	if c.message != "" {
		f.message = c.message
	}
	if c.code != "" {
		f.code = c.code
	}
	if c.status != 0 {
		f.status = c.status
	}
	f.message = fill(f.message, a, c.retry)
	return f
}
