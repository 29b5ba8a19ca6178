package httpx

import (
	"context"
	"net/http"
	"strings"
)

// Detached is for requests of which thousands wait at once, those for events: it
// runs next on a goroutine of its own, and when next has returned, runs what it
// passed to [Detach]. Other requests go straight to next.
func Detached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/events") {
			next.ServeHTTP(w, r)
			return
		}
		if rest := detachedPart(next, w, r); rest != nil {
			rest(w)
		}
	})
}

// Detach runs rest with the response after all handlers have returned, so that
// their stacks and what they refer to are not kept while rest waits. It must be
// the last thing that a handler does. rest gets the response as the server made
// it, without any wrapper. Outside of [Detached] it runs rest at once.
func Detach(ctx context.Context, w http.ResponseWriter, rest func(http.ResponseWriter)) {
	if detached, ok := ctx.Value(detachedKey{}).(*func(http.ResponseWriter)); ok {
		*detached = rest
		return
	}
	rest(w)
}

type detachedKey struct{}

// detachedPart runs next on a goroutine of its own, and returns what it detached.
func detachedPart(next http.Handler, w http.ResponseWriter, r *http.Request) (rest func(http.ResponseWriter)) {
	OnOwnStack(func() { next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), detachedKey{}, &rest))) })
	return rest
}

// OnOwnStack runs f on a goroutine of its own and waits for it. The stack that f
// needs is freed with that goroutine; the caller, which is about to wait for
// long, would otherwise keep the size to which its own had grown. A panic of f
// becomes one of the caller, with the stack of f.
func OnOwnStack(f func()) {
	done := make(chan any)
	go func() {
		defer func() {
			p := recover()
			if p != nil && p != http.ErrAbortHandler { //nolint:errorlint // net/http compares it, too
				p = PanicError(p)
			}
			done <- p
		}()
		f()
	}()
	if p := <-done; p != nil {
		panic(p)
	}
}
