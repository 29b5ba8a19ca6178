package audit

import (
	"context"
	"errors"
	"net/http"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/tasks"
)

// Response is the answer to a change. It is held back until the line of the change
// is on disk. Call Reserve before the change is made, and Record where the answer
// will take long.
type Response struct {
	http.ResponseWriter

	log         *Log
	line        *Line
	unavailable error // why no line could be reserved
	entry       func(status int, h http.Header) Entry
	instead     func(error)
	refusal     error
	who         access.Principal // the zero value: as entry says
	written     bool
	lost        bool
}

// NewResponse returns a Response on w, whose line goes to log. entry returns what to
// record of an answer; an Entry without an action is dropped. instead answers on w
// itself when the line cannot be written.
func NewResponse(w http.ResponseWriter, log *Log, entry func(status int, h http.Header) Entry, instead func(error)) *Response {
	return &Response{ResponseWriter: w, log: log, entry: entry, instead: instead}
}

type responseKey struct{}

// NewContext returns a context of the request that r answers.
func (r *Response) NewContext(ctx context.Context) context.Context {
	return context.WithValue(ctx, responseKey{}, r)
}

// ResponseOf returns the Response to the request that ctx belongs to, nil if there
// is none.
func ResponseOf(ctx context.Context) *Response {
	r, _ := ctx.Value(responseKey{}).(*Response)
	return r
}

// Reserve reserves a line for what the request that ctx belongs to is about to
// change, if it has a Response. Call it when nothing more is expected from the
// caller: lines are few. CodeUnavailable means that the change must not be made.
func Reserve(ctx context.Context) error {
	r := ResponseOf(ctx)
	if r == nil || r.line != nil {
		return nil
	}
	r.line, r.unavailable = r.log.Begin(ctx)
	return r.unavailable
}

// SetPrincipal sets who makes the request that ctx belongs to, if it has a
// Response.
func SetPrincipal(ctx context.Context, p access.Principal) {
	if r := ResponseOf(ctx); r != nil {
		r.who = p
	}
}

// SetError sets the error that the answer is about, before it is written.
func (r *Response) SetError(err error) { r.refusal = err }

// Record writes the line of the change for an answer of that status and headers.
func (r *Response) Record(status int, h http.Header) error {
	e := r.entry(status, h)
	e.Status, e.Outcome, e.Code = status, OutcomeOf(status), tasks.CodeOf(r.refusal)
	if r.who.Method != "" {
		e = e.By(r.who)
	}
	who := r.who
	if refused, ok := errors.AsType[*access.Refusal](r.refusal); ok && refused.Who.Method != "" {
		who = refused.Who
		e = e.By(who)
	}
	if e.Action == "" || e.Code == tasks.CodeRateLimited {
		r.line.Release() // callers over their rate could otherwise fill the disk
		return nil
	}
	if r.line == nil && r.unavailable == nil {
		// A refusal; its line does not depend on whether the caller waits for it.
		if who.Method == "" {
			who.Method = access.ByNobody
		}
		r.line, r.unavailable = r.log.Begin(access.WithPrincipal(context.Background(), who))
	}
	if r.unavailable != nil {
		return r.unavailable
	}
	return r.line.Write(e)
}

// ofTheAnswer are the headers that an answer in its place must not have.
var ofTheAnswer = []string{
	"Content-Length", "Content-Type", "ETag", "Idempotent-Replayed", "Location", "Preference-Applied", "Retry-After", "Set-Cookie", "WWW-Authenticate",
}

// WriteHeader records the change and begins the answer.
func (r *Response) WriteHeader(status int) {
	if r.written {
		return
	}
	r.written = true
	// An answer that says so itself already is let through.
	if err := r.Record(status, r.Header()); err != nil && !errors.Is(r.refusal, err) {
		r.lost = true
		for _, name := range ofTheAnswer {
			r.Header().Del(name)
		}
		r.instead(err)
		return
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the answer.
func (r *Response) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if r.lost {
		return len(p), nil
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the underlying writer.
func (r *Response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Release frees the line when nothing was answered.
func (r *Response) Release() { r.line.Release() }
