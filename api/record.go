package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/audit"
)

// isAudited reports whether an operation may change anything, or shows a secret.
func (op operation) isAudited() bool {
	return op.method != http.MethodGet && op.id != "planJob" || op.id == "getSigningSecret"
}

// recorded returns the middleware that keeps an audit line of every request for
// an operation that is audited, whatever comes of it. The caller hears
// of nothing before that line is on disk, and nothing is changed while it could
// not be put there.
func (s *server) recorded(op operation) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		next = recoverPanics(next)
		return func(c echo.Context) error {
			if s.cfg.Audit == nil || op.isDryRun(c.Request()) {
				return next(c)
			}
			below := c.Response().Writer
			held := audit.Hold(below, s.cfg.Audit,
				func(_ int, h http.Header) audit.Entry { return entryOf(op, c.Request(), h) },
				func(err error) { s.fail(below, c.Request(), err) })
			defer held.Finish()
			c.Response().Writer = held
			c.SetRequest(c.Request().WithContext(held.Under(c.Request().Context())))
			if err := next(c); err != nil {
				s.handleError(err, c)
			}
			return nil
		}
	}
}

// place is the gate that comes last: from there on something is changed.
func place(_ http.ResponseWriter, r *http.Request) (*http.Request, error) {
	return r, audit.Place(r.Context())
}

// isDryRun reports whether a request asks what would be, and changes nothing.
// Operations that know no dry run ignore the parameter, and do what they do.
func (op operation) isDryRun(r *http.Request) bool {
	return op.valueOf(r, "dry_run") == "true"
}

// valueOf returns the value of a parameter of the query, "" if the operation does
// not know it.
func (op operation) valueOf(r *http.Request, name string) string {
	if !slices.ContainsFunc(op.query, func(p parameter) bool { return p.name == name }) {
		return ""
	}
	return r.URL.Query().Get(name)
}

// entryOf tells who asked for what.
func entryOf(op operation, r *http.Request, answer http.Header) audit.Entry {
	e := audit.Entry{Action: op.id, Object: answer.Get("Location"), RequestID: answer.Get(headerRequestID)}
	if e.Object == "" {
		e.Object = subjectOf(op.path, r.URL.Path)
	}
	if tenant := op.valueOf(r, "tenant"); tenant != "" {
		e.Object += "?tenant=" + tenant // whose it is, where not the caller's
	}
	return e.By(access.From(r.Context()))
}

// subjectOf returns a path up to its last parameter: what a verb behind it is
// about.
func subjectOf(template, path string) string {
	_, verb, found := strings.Cut(template, "}/")
	if !found || strings.Contains(verb, "{") {
		return path
	}
	return strings.TrimSuffix(path, "/"+verb)
}

// keep records a change that was made before its answer is known, since that may
// take long.
func keep(ctx context.Context, status int, object string) error {
	held := audit.Held(ctx)
	if held == nil {
		return nil
	}
	return held.Keep(status, http.Header{"Location": {object}, headerRequestID: {held.Header().Get(headerRequestID)}})
}
