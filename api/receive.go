package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/tasks"
)

const headerRequestID = "X-Request-Id"

// goodRequestID is what we are willing to repeat in headers and logs.
var goodRequestID = regexp.MustCompile(`^[A-Za-z0-9._~:-]{1,128}$`)

// receive does what holds for every request, whatever its path: it gives the
// request an ID and a place in a trace and the response its common headers, limits
// the time in which the one is sent and the other is taken, refuses who calls from
// where nobody may, and measures how long it all takes.
func (s *server) receive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := &measured{ResponseWriter: w, began: time.Now(), operation: noOperation}
		defer s.metrics.observe(m)
		w = s.prefixed(Timely(m, r, s.cfg.RequestTimeout, s.cfg.WriteTimeout), r)
		if r.Method == http.MethodHead {
			w = bodiless{w}
		}
		h := w.Header()
		id := requestID(r)
		trace := tasks.TakeUpTrace(r.Header)
		ctx := context.WithValue(context.WithValue(r.Context(), requestIDKey{}, id), measuredKey{}, m)
		r = r.WithContext(tasks.WithTrace(ctx, trace))
		h.Set(headerRequestID, id)
		h.Set(tasks.HeaderTraceParent, trace.Parent)
		h.Set("X-Content-Type-Options", "nosniff")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", access.StrictTransport)
		}
		h.Set("Cache-Control", "private, no-cache")
		joinLists(r.Header)
		entered, err := s.cfg.Guard.Enter(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, entered)
	})
}

type requestIDKey struct{}

// requestIDOf returns the ID of the request that is being answered.
func requestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// requestID returns the caller's ID for the request, or a new one.
func requestID(r *http.Request) string {
	if id := r.Header.Get(headerRequestID); goodRequestID.MatchString(id) {
		return id
	}
	return "req_" + strings.ToLower(rand.Text())
}

// joinLists makes one line of list headers that came as several (RFC 9110
// §5.3); the generated binding would refuse them. Two idempotency keys are
// refused all the same, but with a reason.
func joinLists(h http.Header) {
	for _, name := range []string{"Prefer", "If-None-Match", headerIdempotencyKey} {
		if lines := h.Values(name); len(lines) > 1 {
			h.Set(name, strings.Join(lines, ", "))
		}
	}
}

// bodiless answers HEAD: it refuses the body, which also ends an event stream
// right after its headers.
type bodiless struct{ http.ResponseWriter }

func (bodiless) Write([]byte) (int, error) { return 0, http.ErrBodyNotAllowed }

// Unwrap gives http.ResponseController the writer below.
func (b bodiless) Unwrap() http.ResponseWriter { return b.ResponseWriter }
