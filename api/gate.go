package api

import (
	"context"
	"net/http"
)

// gate lets a request pass, perhaps changed, or refuses it.
type gate func(http.ResponseWriter, *http.Request) (*http.Request, error)

// gatesOf lists what a request for op must pass: first who asks, then what.
func (s *server) gatesOf(op operation) []gate {
	var gates []gate
	if !op.public {
		gates = append(gates, s.identify)
	}
	if op.body != nil {
		gates = append(gates, s.checkBody(op.body))
	}
	return gates
}

type tenantKey struct{}

// identify finds out whose request it is.
func (s *server) identify(_ http.ResponseWriter, r *http.Request) (*http.Request, error) {
	tenant, err := s.cfg.Tenant(r)
	if err != nil {
		return nil, err
	}
	return r.WithContext(context.WithValue(r.Context(), tenantKey{}, tenant)), nil
}

// tenantOf returns what identify found out.
func tenantOf(ctx context.Context) string {
	tenant, _ := ctx.Value(tenantKey{}).(string)
	return tenant
}
