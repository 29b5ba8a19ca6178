package webhook

import (
	"context"

	"github.com/topcentral/spillway/tasks"
)

// Target is where a webhook goes, and what signs it.
type Target struct {
	URL     string
	Secrets []Secret // none: the installation's own
}

// Register knows the endpoints of tenants and keeps the log of tries. It must be
// safe for concurrent use. Package endpoints has one.
type Register interface {
	// Subscribed lists the endpoints of a tenant that are to be told of such an
	// event.
	Subscribed(ctx context.Context, tenant string, typ tasks.EventType) ([]string, error)
	// Target says where a webhook of an endpoint goes. CodeNotFound when the
	// endpoint is gone or disabled.
	Target(ctx context.Context, tenant, endpoint string) (*Target, error)
	// Note keeps a try in the log, and reports whether it has disabled its
	// endpoint.
	Note(ctx context.Context, tenant string, d *tasks.Delivery) (disabled bool, err error)
}
