package api

import (
	"context"
	"net/http"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/audit"
)

// checkAddress refuses requests from where nobody may call.
func (s *server) checkAddress(_ http.ResponseWriter, r *http.Request) (*http.Request, error) {
	return s.cfg.Guard.CheckOrigin(r)
}

// authenticate finds out who calls, and refuses callers who lack a scope or call
// too often.
func (s *server) authenticate(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	op := operationOf(r)
	switch {
	case len(op.Scopes) > 0:
		return s.identify(w, r, func(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
			return s.cfg.Guard.Admit(w, r, op.Scopes...)
		})
	case op.ID == "checkHealth": // operators get more details
		return s.identify(w, r, s.cfg.Guard.AdmitOptional)
	}
	return s.cfg.Guard.AdmitAnonymous(w, r)
}

// confirmCredential refuses a caller whose credential has ended meanwhile.
func (s *server) confirmCredential(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if !isAudited(operationOf(r)) {
		return r, nil
	}
	return s.identify(w, r, s.cfg.Guard.Reauthenticate)
}

// identify calls f with limited time, and returns r with the caller that f found.
func (s *server) identify(w http.ResponseWriter, r *http.Request, f func(http.ResponseWriter, *http.Request) (*http.Request, error)) (*http.Request, error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.RequestTimeout)
	defer cancel()
	identified, err := f(w, r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	p := access.From(identified.Context())
	audit.SetPrincipal(r.Context(), p)
	return r.WithContext(access.WithPrincipal(r.Context(), p)), nil
}

// isOperator reports whether the caller may see the installation's own state:
// with a credential that says so, or without one where there is no authentication.
func isOperator(ctx context.Context) bool {
	p := access.From(ctx)
	return p.Can(access.AdminRead) || p.Method == access.ByNobody && p.Tenant != ""
}

// tenantOf returns the tenant of the caller.
func tenantOf(ctx context.Context) string { return access.From(ctx).Tenant }
