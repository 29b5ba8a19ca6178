package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/internal/httpx"
)

// steps is the way of every request to its handler, in order.
func (s *server) steps() []step {
	return []step{
		s.measure,                  // time and status, by operation
		s.setDeadlines,             // for the body to arrive, and for the answer to be read
		s.wrapAnswer,               // references through a proxy, no body for HEAD
		s.identifyRequest,          // request ID, trace and span
		commonHeaders,              // nosniff, caching, HSTS
		s.answerErrors,             // an error or a panic below becomes a problem
		check(s.checkAddress),      // networks and host names that are allowed
		s.matchOperation,           // 404, 405, OPTIONS
		s.recordChange,             // audit line, before the caller gets the answer
		check(s.authenticate),      // credential, scopes, rate
		check(s.requireWebhooks),   // whether the installation sends any
		check(s.checkQuery),        // against the contract
		s.readBody,                 // once, within size, time and memory; against the contract
		check(s.confirmCredential), // again: the body may have taken long
		check(reserveAuditLine),    // from here on something may change
		s.limitHandler,             // its time, unless it may wait
	}
}

// pipeline returns the handler whose requests take all steps on their way to last.
func (s *server) pipeline(last handler) http.Handler {
	for _, step := range slices.Backward(s.steps()) {
		last = step(last)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = last(w, r) // answerErrors has answered it
	})
}

// setDeadlines limits how slowly a caller may send and read.
func (s *server) setDeadlines(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return next(httpx.WithDeadlines(w, r, s.cfg.RequestTimeout, s.cfg.WriteTimeout), r)
	}
}

// wrapAnswer makes references lead back through the caller's proxy, and leaves out
// the body for HEAD.
func (s *server) wrapAnswer(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		prefix, known := s.cfg.Guard.Prefix(r)
		w = httpx.WithReferences(w, r, prefix, known)
		if r.Method == http.MethodHead {
			w = httpx.WithoutBody{ResponseWriter: w}
		}
		return next(w, r)
	}
}

// commonHeaders sets the headers that every answer has.
func commonHeaders(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "private, no-cache")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", access.StrictTransport)
		}
		httpx.JoinLists(r.Header)
		return next(w, r)
	}
}

// matchOperation finds the operation that a request asks for.
func (s *server) matchOperation(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		op, allowed := s.contract.Match(r.Method, r.URL.EscapedPath())
		switch {
		case allowed == nil:
			return errNoSuchPath
		case op != nil:
			m := measuredOf(r.Context())
			m.operation, m.route = op.ID, op.Path
			return next(w, withOperation(r, op))
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		return errMethod
	}
}

// untimed are the operations whose caller may ask to wait, or asks for much at
// once; they limit the time of their single calls.
var untimed = []string{"submitJob", "submitBatch", "getJob", "getJobResult", "streamJobEvents", "rerunJobs"}

// limitHandler limits the time of every other operation.
func (s *server) limitHandler(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if slices.Contains(untimed, operationOf(r).ID) {
			return next(w, r)
		}
		ctx, cancel := context.WithTimeout(r.Context(), s.cfg.RequestTimeout)
		defer cancel()
		return next(w, r.WithContext(ctx))
	}
}

// measure measures how long a request takes, by operation and class of status.
func (s *server) measure(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		m := &measured{ResponseWriter: w, began: time.Now(), operation: noOperation}
		defer s.metrics.observe(m)
		return next(m, r.WithContext(context.WithValue(r.Context(), measuredKey{}, m)))
	}
}
