// Package shapes lists the forms in which model servers, and intermediaries such
// as gateways and proxies, really respond: streams that follow an API only
// roughly, failures with status 200, web pages, compressed and truncated bodies.
// Each has a name, and what a client must make of it. The conformance test of
// providers runs all of them, and `spillway mock-llm` responds in any of them by
// name.
package shapes

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/topcentral/spillway/providers"
)

// Answer is the answer of a server.
type Answer struct {
	Text      string // JSON
	Reasoning string
	Usage     providers.Usage // Input and Output
}

// Exchange is one call that is answered in a shape.
type Exchange struct {
	Answer
	W    http.ResponseWriter
	R    *http.Request
	Body []byte // of the request
	// Usual answers as the service usually does, with the Answer.
	Usual func(w http.ResponseWriter)
}

// Shape is one form of an answer, of a failure or of a list of models.
type Shape struct {
	Name  string // stable; lower case, with hyphens
	About string // in one line

	// Serve answers a question; nil: as usual.
	Serve func(x Exchange)
	// List returns the body of the list of models; nil: as usual.
	List func(models ...string) string

	// What a client must make of it: the failure of a class, or the Answer.

	Class providers.Class // "": the Answer
	Says  string          // the failure's message contains it
	Wait  time.Duration   // the failure's RetryAfter is at least as long

	Reasons   bool                // the client sees the Reasoning, too
	Uncounted bool                // the usage is not known
	Truncated bool                // the answer is cut off at its limit
	Text      func(string) string // the text that the client sees; nil: all of it
	Calls     int                 // that the client makes; 0: one
}

// Lookup returns the shape of a name in a list.
func Lookup(list []Shape, name string) (Shape, bool) {
	i := slices.IndexFunc(list, func(s Shape) bool { return s.Name == name })
	if i < 0 {
		return Shape{}, false
	}
	return list[i], true
}

// sends returns a Serve that answers with status 200 and a body.
func sends(body func(a Answer) string) func(Exchange) { return answers(http.StatusOK, nil, body) }

// fails returns a Serve that answers with a status and a fixed body.
func fails(status int, body string) func(Exchange) {
	return answers(status, nil, func(Answer) string { return body })
}

// answers returns a Serve that answers with a status, headers and a body.
func answers(status int, header http.Header, body func(a Answer) string) func(Exchange) {
	return func(x Exchange) {
		x.W.Header().Set("Content-Type", "application/json")
		maps.Copy(x.W.Header(), header)
		x.W.WriteHeader(status)
		_, _ = io.WriteString(x.W, body(x.Answer))
	}
}

// flush sends text at once.
func flush(w http.ResponseWriter, text string) {
	_, _ = io.WriteString(w, text)
	_ = http.NewResponseController(w).Flush() // a caller that is gone is noticed elsewhere
}

// hold keeps the connection open, silently, until the caller leaves.
func hold(x Exchange) { <-x.R.Context().Done() }

// reset breaks the connection.
func reset() { panic(http.ErrAbortHandler) }

// refuses returns a Serve that answers requests that have a member with a
// failure, and others as usual.
func refuses(member string, status int, body string) func(Exchange) {
	return func(x Exchange) {
		var fields map[string]json.RawMessage
		if json.Unmarshal(x.Body, &fields) == nil && fields[member] != nil {
			fails(status, body)(x)
			return
		}
		x.Usual(x.W)
	}
}

// quote returns text as a JSON string, with the characters that JSON allows as
// they are.
func quote(text string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a string always encodes
	return strings.TrimSpace(b.String())
}

// halves cuts text in two, between characters.
func halves(text string) (first, second string) {
	at := len(text) / 2
	for at < len(text) && !utf8.RuneStart(text[at]) {
		at++
	}
	return text[:at], text[at:]
}

// around cuts text before and behind the first character for which f holds; ok
// is false if there is none.
func around(text string, f func(rune) bool) (before, at, behind string, ok bool) {
	i := strings.IndexFunc(text, f)
	if i < 0 {
		return text, "", "", false
	}
	_, size := utf8.DecodeRuneInString(text[i:])
	return text[:i], text[i : i+size], text[i+size:], true
}

func itoa(n int) string {
	raw, _ := json.Marshal(n) // an int always encodes
	return string(raw)
}
