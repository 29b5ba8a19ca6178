package fuzzapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"time"

	"github.com/topcentral/spillway/lab/contract"
)

// answer is what came back, and what for.
type answer struct {
	contract.Response
	method, path string // of the request, as it was read
	requestID    string // that the request asked for
}

// errUnread says that net/http does not take the bytes for a request, and
// answers without asking the handler.
var errUnread = errors.New("not HTTP")

// peek is how long a stream of events is looked at.
const peek = 2 * time.Millisecond

// send has the API answer a request. An error that is not errUnread is a panic.
func (s *Stack) send(ctx context.Context, d *draft, from string) (a *answer, err error) {
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(d.wire())))
	if err != nil || len(request.Header["Host"]) > 0 || request.Header.Get("Expect") == "x" {
		return nil, errUnread
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request.RemoteAddr = from
	request = request.WithContext(ctx)
	w := &writer{ResponseRecorder: httptest.NewRecorder(), cancel: cancel}
	a = &answer{method: request.Method, path: request.URL.EscapedPath(), requestID: request.Header.Get("X-Request-Id")}
	handler := s.Handler
	if d.waits() {
		handler = s.Closing
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	handler.ServeHTTP(w, request)
	result := w.Result()
	a.Response = contract.Response{Status: result.StatusCode, Header: result.Header, Body: w.Body.Bytes()}
	return a, result.Body.Close()
}

// writer is a client that leaves a stream after a moment.
type writer struct {
	*httptest.ResponseRecorder
	cancel context.CancelFunc
	leaves *time.Timer
}

// Flush begins to count the moment.
func (w *writer) Flush() {
	w.ResponseRecorder.Flush()
	if w.leaves == nil {
		w.leaves = time.AfterFunc(peek, w.cancel)
	}
}
