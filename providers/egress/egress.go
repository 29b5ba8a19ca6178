// Package egress is the ledger of what leaves for a cloud: one line for each
// request, written before the request is sent. A request that cannot be recorded
// is not sent.
//
// The line is made where the bytes leave, in the transport of the clients that call
// clouds, so that no dialect can forget it; the digest is of the bytes that are
// sent. Lines wait in Redis, where every worker can write them, until a process that
// keeps an audit log has appended them to its chain.
package egress

import (
	"context"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

type contextKey struct{}

// With returns a context whose requests to a cloud are recorded as e, which says for
// whom they are made; the transport adds the rest.
func With(ctx context.Context, e tasks.Egress) context.Context {
	return context.WithValue(ctx, contextKey{}, e)
}

// Wrap returns a provider whose requests are recorded as line says at the time of
// each call.
func Wrap(p providers.Provider, line func() tasks.Egress) providers.Provider {
	return &recorded{p, line}
}

type recorded struct {
	providers.Provider
	line func() tasks.Egress
}

// Generate implements providers.Provider.
func (p *recorded) Generate(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
	e := p.line()
	e.Provider, e.Model = p.Name(), req.Model
	return p.Provider.Generate(With(ctx, e), req, onDelta)
}
