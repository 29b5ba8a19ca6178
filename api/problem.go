package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/audit"
	"github.com/topcentral/spillway/tasks"
)

// problem is the body of every response with a status of 400 or more (RFC 9457).
type problem struct {
	Type      string        `json:"type"`
	Title     string        `json:"title"`
	Status    int           `json:"status"`
	Detail    string        `json:"detail"`
	Instance  string        `json:"instance"`
	Code      tasks.Code    `json:"code"`
	RequestID string        `json:"request_id"`
	Errors    []tasks.Fault `json:"errors,omitempty"`
}

// problemDocs is the page that explains each type of problem under its name. It
// is part of the contract: clients may compare types.
const problemDocs = "https://github.com/topcentral/spillway/blob/main/api/problems.md#"

// retryUnavailable is when a caller should come back to a service that is away.
const retryUnavailable = 5 // seconds

// kind is how a code shows in HTTP.
type kind struct {
	status int
	title  string
}

// kinds is the one place that maps codes to statuses.
var kinds = map[tasks.Code]kind{
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

// What the router and the generated binding complain about.
var (
	errNoSuchPath = tasks.Errorf(tasks.CodeNotFound, "There is nothing at this path; GET /openapi.yaml tells what there is.")
	errMethod     = tasks.Errorf(tasks.CodeNoMethod, "This path does not know this method; Allow tells which it knows.")
	errUnreadable = tasks.Errorf(tasks.CodeInvalid, "The request does not have the form that GET /openapi.yaml describes.")
)

// describe makes a problem of any error. Of an error that carries no code the
// caller learns nothing but that we failed.
func describe(err error) problem {
	e, ok := errors.AsType[*tasks.Error](err)
	switch {
	case ok:
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		e = tasks.Errorf(tasks.CodeUnavailable, "The service did not answer in time; try again.")
	default:
		e = tasks.Errorf(tasks.CodeInternal, "Something went wrong on our side; quote the request ID when you report it.")
	}
	k, ok := kinds[e.Code]
	if !ok {
		k = kinds[tasks.CodeInternal]
	}
	return problem{
		Type:   problemDocs + string(e.Code),
		Title:  k.title,
		Status: k.status,
		Detail: e.Message,
		Code:   e.Code,
		Errors: e.Faults,
	}
}

// fail answers r with err as a problem, and logs the cause if it is ours.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) { Fail(s.cfg.Log, w, r, err) }

// Fail answers r with err as a problem, for other handler trees than the API's.
// The response must have an X-Request-Id already. What is our fault is logged,
// and its cause not told.
func Fail(log *slog.Logger, w http.ResponseWriter, r *http.Request, err error) {
	if held := audit.Held(r.Context()); held != nil {
		held.Explain(err)
	}
	p := describe(err)
	p.Instance = r.URL.EscapedPath()
	p.RequestID = w.Header().Get(headerRequestID)
	tellRefusal(w.Header(), err)
	if p.Status >= http.StatusInternalServerError {
		logFailure(log, r, w.Header(), err)
	}
	body, err := json.Marshal(p)
	if err != nil {
		logFailure(log, r, w.Header(), err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(retryUnavailable))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // a caller that has gone needs no body
}

// tellRefusal sets the headers by which a refused caller learns what would help.
func tellRefusal(h http.Header, err error) {
	if r, ok := errors.AsType[*access.Refusal](err); ok && r.Challenge != "" {
		h.Set("WWW-Authenticate", r.Challenge)
	}
	if e, ok := errors.AsType[*tasks.Error](err); ok && e.RetryAfter() > 0 {
		h.Set("Retry-After", strconv.Itoa(int((e.RetryAfter()+time.Second-1)/time.Second)))
	}
}

func (s *server) logFailure(r *http.Request, response http.Header, err error) {
	logFailure(s.cfg.Log, r, response, err)
}

// logFailure logs what went wrong with r, quietly if it is only that the caller
// has gone.
func logFailure(log *slog.Logger, r *http.Request, response http.Header, err error) {
	if errors.Is(err, http.ErrBodyNotAllowed) {
		return // HEAD
	}
	level := slog.LevelError
	if r.Context().Err() != nil {
		level = slog.LevelDebug
	}
	log.LogAttrs(r.Context(), level, "request failed",
		slog.String("request_id", response.Get(headerRequestID)),
		slog.String("trace_id", tasks.TraceOf(r.Context()).ID()),
		slog.String("method", r.Method),
		slog.String("path", r.URL.Path),
		slog.Any("error", err))
}
