package api

import (
	"context"
	"net/http"
	"strings"
)

// later has rest done with the response when all handlers have returned, so that
// their stack and what they hold does not wait with it; at once, if the handlers
// were not begun by unstacked. It must be the last that a handler does. rest gets
// the response as the server made it, with none of what was put around it since.
func later(ctx context.Context, w http.ResponseWriter, rest func(http.ResponseWriter)) {
	if left, ok := ctx.Value(restKey{}).(*func(http.ResponseWriter)); ok {
		*left = rest
		return
	}
	rest(w)
}

type restKey struct{}

// unstacked is for requests of which thousands wait at once, those for events:
// it runs next aside, and then does what that has left for later.
func unstacked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/events") {
			next.ServeHTTP(w, r)
			return
		}
		if rest := leftBy(next, w, r); rest != nil {
			rest(w)
		}
	})
}

// leftBy runs next aside, and returns what it has left for later.
func leftBy(next http.Handler, w http.ResponseWriter, r *http.Request) (rest func(http.ResponseWriter)) {
	aside(func() { next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), restKey{}, &rest))) })
	return rest
}

// aside runs f on a goroutine of its own, and waits for it. The stack that f
// needs is given back with it, while that of the caller, which is about to wait
// for long, would keep the size to which it has grown for f. A panic of f is one
// of the caller, and tells where it was.
func aside(f func()) {
	done := make(chan any)
	go func() {
		defer func() {
			p := recover()
			if p != nil && p != http.ErrAbortHandler { //nolint:errorlint // net/http compares it, too
				p = panicked(p)
			}
			done <- p
		}()
		f()
	}()
	if p := <-done; p != nil {
		panic(p)
	}
}
