package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/topcentral/spillway/api/access"
)

// gate lets a request pass, perhaps changed, or refuses it.
type gate func(http.ResponseWriter, *http.Request) (*http.Request, error)

// gatesOf lists what a request for op must pass: first who asks, then what.
func (s *server) gatesOf(op operation) []gate {
	gates := []gate{s.cfg.Guard.Greet}
	switch {
	case len(op.need) > 0:
		gates = []gate{s.admit(op.need)}
	case op.id == "checkHealth": // which tells more to whom it knows
		gates = []gate{s.limited(s.cfg.Guard.Recognize)}
	}
	if strings.HasPrefix(op.path, "/webhooks/") && s.webhooks == nil {
		gates = append(gates, noWebhooks)
	}
	if len(op.need) > 0 || len(op.query) > 0 { // probes and links to pages may add what they like
		gates = append(gates, checkQuery(op.query))
	}
	switch {
	case op.id == "submitBatch":
		gates = append(gates, s.checkBatch(op.body))
	case op.body != nil:
		gates = append(gates, s.checkBody(op.body, s.cfg.MaxBody))
	default:
		gates = append(gates, s.dropBody)
	}
	return gates
}

// noWebhooks refuses what an installation without webhooks cannot do.
func noWebhooks(http.ResponseWriter, *http.Request) (*http.Request, error) { return nil, errNoWebhooks }

// admit returns the gate for callers who may do all that is needed.
func (s *server) admit(need []access.Scope) gate {
	return s.limited(func(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
		return s.cfg.Guard.Admit(w, r, need...)
	})
}

// limited returns a gate that finds out in limited time who the caller is.
func (s *server) limited(identify gate) gate {
	return func(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
		ctx, cancel := context.WithTimeout(r.Context(), s.cfg.RequestTimeout)
		defer cancel()
		admitted, err := identify(w, r.WithContext(ctx))
		if err != nil {
			return nil, err
		}
		return r.WithContext(access.Under(r.Context(), access.From(admitted.Context()))), nil
	}
}

// isOperator reports whether the caller may see the installation's own business:
// whose credential says so, or who needs none since there is no authentication.
func isOperator(ctx context.Context) bool {
	p := access.From(ctx)
	return p.Can(access.AdminRead) || p.Method == access.ByNobody && p.Tenant != ""
}

// tenantOf returns whose jobs the request is about.
func tenantOf(ctx context.Context) string { return access.From(ctx).Tenant }
