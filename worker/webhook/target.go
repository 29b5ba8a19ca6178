package webhook

import (
	"context"
	"errors"

	"github.com/topcentral/spillway/tasks"
)

// Target is the URL of an endpoint and the secrets that sign its webhooks.
type Target struct {
	URL     string
	Secrets []Secret
}

// ErrNoSecret means that the secret that signs a webhook cannot be opened.
var ErrNoSecret = errors.New("the secret that signs it cannot be opened with those in SPILLWAY_WEBHOOK_SECRET: put the one before back there, or rotate the secret")

// Registry holds the endpoints of tenants and the log of tries. It must be safe for
// concurrent use. Package endpoints has one.
type Registry interface {
	// Subscribed lists the endpoints of a tenant that subscribe to such events.
	Subscribed(ctx context.Context, tenant string, typ tasks.EventType) ([]string, error)
	// Target returns the target of an endpoint. CodeNotFound when the
	// endpoint is gone or disabled. An error that is ErrNoSecret comes with a
	// target that has no secrets.
	Target(ctx context.Context, tenant, endpoint string) (*Target, error)
	// Signing returns what signs the webhooks of a tenant that go to the callback
	// URLs of its jobs, the newest secret first. ErrNoSecret when that cannot be
	// opened.
	Signing(ctx context.Context, tenant string) ([]Secret, error)
	// Note adds a try to the log, and reports whether it has disabled its
	// endpoint.
	Note(ctx context.Context, tenant string, d *tasks.Delivery) (disabled bool, err error)
}
