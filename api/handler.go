package api

import (
	"context"
	"net/http"

	"github.com/topcentral/spillway/api/internal/contract"
)

// handler answers a request, or returns why it does not.
type handler func(http.ResponseWriter, *http.Request) error

// step does its part for a request and passes it on to next, unless the request
// is refused.
type step func(next handler) handler

// check returns the step that passes on what f returns.
func check(f func(http.ResponseWriter, *http.Request) (*http.Request, error)) step {
	return func(next handler) handler {
		return func(w http.ResponseWriter, r *http.Request) error {
			r, err := f(w, r)
			if err != nil {
				return err
			}
			return next(w, r)
		}
	}
}

type operationKey struct{}

// operationOf returns the operation that the request asks for.
func operationOf(r *http.Request) *contract.Operation {
	op, _ := r.Context().Value(operationKey{}).(*contract.Operation)
	return op
}

func withOperation(r *http.Request, op *contract.Operation) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), operationKey{}, op))
}
