package httpx

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/audit"
	"github.com/topcentral/spillway/tasks"
)

// Problem is the body of every response with a status of 400 or more (RFC 9457).
type Problem struct {
	Type      string        `json:"type"`
	Title     string        `json:"title"`
	Status    int           `json:"status"`
	Detail    string        `json:"detail"`
	Instance  string        `json:"instance"`
	Code      tasks.Code    `json:"code"`
	RequestID string        `json:"request_id"`
	Errors    []tasks.Fault `json:"errors,omitempty"`
}

// ProblemDocs is the page that explains each type of problem under its code. It
// is part of the contract: clients may compare types.
const ProblemDocs = "https://github.com/topcentral/spillway/blob/main/api/problems.md#"

// RetryUnavailable is after how many seconds callers should try again when the
// service is unavailable.
const RetryUnavailable = 5

// presentation is how HTTP presents a code.
type presentation struct {
	status int
	title  string
}

// presentations is the one place that maps codes to statuses.
var presentations = map[tasks.Code]presentation{
	tasks.CodeInvalid:      {http.StatusBadRequest, "Invalid request"},
	tasks.CodeUnknownAgent: {http.StatusUnprocessableEntity, "Unknown agent"},
	tasks.CodeNotFound:     {http.StatusNotFound, "Not found"},
	tasks.CodeConflict:     {http.StatusConflict, "Conflict"},
	tasks.CodeKeyReused:    {http.StatusUnprocessableEntity, "Idempotency key reused"},
	tasks.CodeNoMethod:     {http.StatusMethodNotAllowed, "Method not allowed"},
	tasks.CodeTooLarge:     {http.StatusRequestEntityTooLarge, "Payload too large"},
	tasks.CodeMediaType:    {http.StatusUnsupportedMediaType, "Unsupported media type"},
	tasks.CodeTooSlow:      {http.StatusRequestTimeout, "Request timeout"},
	tasks.CodeExhausted:    {http.StatusServiceUnavailable, "Providers exhausted"},
	tasks.CodeDeadline:     {http.StatusGatewayTimeout, "Deadline exceeded"},
	tasks.CodeCrashLoop:    {http.StatusInternalServerError, "Crash loop"},
	tasks.CodeNoCredential: {http.StatusUnauthorized, "Unauthenticated"},
	tasks.CodeForbidden:    {http.StatusForbidden, "Forbidden"},
	tasks.CodeRateLimited:  {http.StatusTooManyRequests, "Rate limited"},
	tasks.CodeQuota:        {http.StatusTooManyRequests, "Quota exceeded"},
	tasks.CodeUnavailable:  {http.StatusServiceUnavailable, "Unavailable"},
	tasks.CodeInternal:     {http.StatusInternalServerError, "Internal error"},
}

// Codes lists every code that has a status, in no particular order.
func Codes() []tasks.Code { return slices.Collect(maps.Keys(presentations)) }

// Describe returns the problem for any error. An error without a code is an
// internal error, of which the caller learns nothing else.
func Describe(err error) Problem {
	e, ok := errors.AsType[*tasks.Error](err)
	switch {
	case ok:
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		e = tasks.Errorf(tasks.CodeUnavailable, "The service did not answer in time; try again shortly.")
	default:
		e = tasks.Errorf(tasks.CodeInternal, "The service failed; quote request_id when you report this.")
	}
	k, ok := presentations[e.Code]
	if !ok {
		k = presentations[tasks.CodeInternal]
	}
	var faults []tasks.Fault
	for _, f := range e.Faults {
		faults = append(faults, faultSentence(f))
	}
	return Problem{
		Type:   ProblemDocs + string(e.Code),
		Title:  k.title,
		Status: k.status,
		Detail: sentence(e.Message),
		Code:   e.Code,
		Errors: faults,
	}
}

// WriteProblem answers r with err as a problem. The response must already have
// an X-Request-Id. The causes of 5xx are logged and not shown.
func WriteProblem(log *slog.Logger, w http.ResponseWriter, r *http.Request, err error) {
	if held := audit.ResponseOf(r.Context()); held != nil {
		held.SetError(err)
	}
	p := Describe(err)
	p.Instance = r.URL.EscapedPath()
	p.RequestID = w.Header().Get(HeaderRequestID)
	setRefusalHeaders(w.Header(), err)
	if p.Status >= http.StatusInternalServerError {
		LogFailure(log, r, w.Header(), err)
	}
	body, err := json.Marshal(p)
	if err != nil {
		LogFailure(log, r, w.Header(), err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(RetryUnavailable))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // if this fails, the caller has gone
}

// setRefusalHeaders sets the headers that help a refused caller.
func setRefusalHeaders(h http.Header, err error) {
	if r, ok := errors.AsType[*access.Refusal](err); ok && r.Challenge != "" {
		h.Set("WWW-Authenticate", r.Challenge)
	}
	if e, ok := errors.AsType[*tasks.Error](err); ok && e.RetryAfter() > 0 {
		h.Set("Retry-After", strconv.Itoa(int((e.RetryAfter()+time.Second-1)/time.Second)))
	}
}

// LogFailure logs that r failed with err, at the debug level if the caller has
// gone, which explains most of these.
func LogFailure(log *slog.Logger, r *http.Request, response http.Header, err error) {
	if errors.Is(err, http.ErrBodyNotAllowed) {
		return // HEAD
	}
	level := slog.LevelError
	if r.Context().Err() != nil {
		level = slog.LevelDebug
	}
	log.LogAttrs(r.Context(), level, "request failed",
		slog.String("request_id", response.Get(HeaderRequestID)),
		slog.String("trace_id", tasks.TraceOf(r.Context()).ID()),
		slog.String("method", r.Method),
		slog.String("path", r.URL.Path),
		slog.Any("error", err))
}
