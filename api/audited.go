package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/audit"
	"github.com/topcentral/spillway/api/internal/contract"
	"github.com/topcentral/spillway/api/internal/httpx"
)

// isAudited reports whether an operation may change anything, or shows a secret.
func isAudited(op *contract.Operation) bool {
	return op.Method != http.MethodGet && op.ID != "planJob" || op.ID == "getSigningSecret"
}

// recordChange writes an audit line for every request for an audited operation,
// whatever its outcome. The answer is held back until that line is on disk, and
// nothing is changed while it could not be written.
func (s *server) recordChange(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		op := operationOf(r)
		if s.cfg.Audit == nil || !isAudited(op) || isDryRun(op, r) {
			return next(w, r)
		}
		held := audit.NewResponse(w, s.cfg.Audit,
			func(_ int, h http.Header) audit.Entry { return entryOf(op, r, h) },
			func(err error) { httpx.WriteProblem(s.cfg.Log, w, r, err) })
		defer held.Release()
		r = r.WithContext(held.NewContext(r.Context()))
		if err := httpx.Recover(func() error { return next(held, r) }); err != nil {
			s.answer(held, r, err)
		}
		return nil
	}
}

// reserveAuditLine makes sure that what comes next can be recorded.
func reserveAuditLine(_ http.ResponseWriter, r *http.Request) (*http.Request, error) {
	return r, audit.Reserve(r.Context())
}

// isDryRun reports whether a request asks what would happen, and changes nothing.
// Operations without dry runs ignore the parameter, and do what they do.
func isDryRun(op *contract.Operation, r *http.Request) bool { return op.Value(r, "dry_run") == "true" }

// entryOf returns the audit entry for a request and its answer.
func entryOf(op *contract.Operation, r *http.Request, answer http.Header) audit.Entry {
	e := audit.Entry{Action: op.ID, Object: answer.Get("Location"), RequestID: answer.Get(httpx.HeaderRequestID)}
	if e.Object == "" {
		e.Object = subjectOf(op.Path, r.URL.Path)
	}
	if tenant := op.Value(r, "tenant"); tenant != "" {
		e.Object += "?tenant=" + tenant // whose it is, where not the caller's
	}
	return e.By(access.From(r.Context()))
}

// subjectOf returns a path up to its last parameter: the object of the verb that
// follows it.
func subjectOf(template, path string) string {
	_, verb, found := strings.Cut(template, "}/")
	if !found || strings.Contains(verb, "{") {
		return path
	}
	return strings.TrimSuffix(path, "/"+verb)
}

// recordEarly records a change before its answer is known, since that may take
// long.
func recordEarly(ctx context.Context, status int, object string) error {
	held := audit.ResponseOf(ctx)
	if held == nil {
		return nil
	}
	return held.Record(status, http.Header{"Location": {object}, httpx.HeaderRequestID: {held.Header().Get(httpx.HeaderRequestID)}})
}
