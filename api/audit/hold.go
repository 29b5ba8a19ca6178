package audit

import (
	"context"
	"errors"
	"net/http"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/tasks"
)

// Response is an answer to a change, which is held back until the line of the
// change is on disk. Write the line with Keep where the answer will take long.
type Response struct {
	http.ResponseWriter

	line    *Line
	entry   func(status int, h http.Header) Entry
	instead func(error)
	refusal error
	written bool
	lost    bool
}

// Hold returns a Response on w. entry tells what is to be recorded of an answer;
// an Entry without an action is dropped. instead answers in its place when the
// line cannot be kept, on w itself.
func Hold(w http.ResponseWriter, line *Line, entry func(status int, h http.Header) Entry, instead func(error)) *Response {
	return &Response{ResponseWriter: w, line: line, entry: entry, instead: instead}
}

type heldKey struct{}

// Under returns ctx as that of the request that r answers.
func (r *Response) Under(ctx context.Context) context.Context {
	return context.WithValue(ctx, heldKey{}, r)
}

// Held returns the answer that is held back for the request that ctx belongs to,
// nil if there is none.
func Held(ctx context.Context) *Response {
	r, _ := ctx.Value(heldKey{}).(*Response)
	return r
}

// Explain notes with which error the answer refuses, before it is written.
func (r *Response) Explain(err error) { r.refusal = err }

// Keep records the change as it would be answered now.
func (r *Response) Keep(status int, h http.Header) error {
	e := r.entry(status, h)
	e.Status, e.Outcome, e.Code = status, OutcomeOf(status), tasks.CodeOf(r.refusal)
	if refused, ok := errors.AsType[*access.Refusal](r.refusal); ok && refused.Who.Method != "" {
		e = e.By(refused.Who)
	}
	if e.Action == "" || e.Code == tasks.CodeRateLimited {
		r.line.Drop() // who asks too often could otherwise fill the disk
		return nil
	}
	return r.line.Write(e)
}

// ofTheAnswer are the headers that another answer in its place must not have.
var ofTheAnswer = []string{
	"Content-Length", "Content-Type", "ETag", "Idempotent-Replayed", "Location", "Preference-Applied", "Retry-After", "Set-Cookie", "WWW-Authenticate",
}

// WriteHeader records the change and begins the answer.
func (r *Response) WriteHeader(status int) {
	if r.written {
		return
	}
	r.written = true
	if err := r.Keep(status, r.Header()); err != nil {
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

// Unwrap gives http.ResponseController the writer below.
func (r *Response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Finish gives the place back when nothing was answered.
func (r *Response) Finish() { r.line.Drop() }
