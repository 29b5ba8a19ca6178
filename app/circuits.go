package app

import (
	"context"

	"github.com/topcentral/spillway/providers/breaker"
	"github.com/topcentral/spillway/providers/limits"
	"github.com/topcentral/spillway/tasks"
)

// openCircuits shows a process's circuit breakers to its worker, and resets what
// keeps candidates from being asked.
type openCircuits struct {
	*breaker.Guard
	limits *limits.Guard
}

// Reset has all models of a provider tried again at once.
func (o openCircuits) Reset(ctx context.Context, provider string) {
	o.limits.Reset(ctx, provider)
	o.Guard.Reset(provider)
}

// Open lists the candidates that are left alone now.
func (o openCircuits) Open() []tasks.Circuit {
	var open []tasks.Circuit
	for _, s := range o.States() {
		if s.State != breaker.Closed {
			open = append(open, tasks.Circuit{Provider: s.Provider, Model: s.Model, Reason: s.Reason, Since: s.Since.UTC(), RetryAt: s.RetryAt.UTC()})
		}
	}
	return open
}
