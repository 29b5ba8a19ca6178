package webhook

import (
	"context"
	"errors"

	"github.com/topcentral/spillway/tasks"
)

// Target is where a webhook of an endpoint goes, and what signs it.
type Target struct {
	URL     string
	Secrets []Secret
}

// ErrNoSecret says that the secret which would sign a webhook cannot be opened.
var ErrNoSecret = errors.New("the secret that signs it cannot be opened with those in SPILLWAY_WEBHOOK_SECRET: put the one before back there, or rotate the secret")

// Register knows the endpoints of tenants and keeps the log of tries. It must be
// safe for concurrent use. Package endpoints has one.
type Register interface {
	// Subscribed lists the endpoints of a tenant that are to be told of such an
	// event.
	Subscribed(ctx context.Context, tenant string, typ tasks.EventType) ([]string, error)
	// Target says where a webhook of an endpoint goes. CodeNotFound when the
	// endpoint is gone or disabled. An error that is ErrNoSecret comes with a
	// target that has no secrets.
	Target(ctx context.Context, tenant, endpoint string) (*Target, error)
	// Signing returns what signs the webhooks of a tenant that go to the callback
	// URLs of its jobs, the newest secret first. ErrNoSecret when that cannot be
	// opened.
	Signing(ctx context.Context, tenant string) ([]Secret, error)
	// Note keeps a try in the log, and reports whether it has disabled its
	// endpoint.
	Note(ctx context.Context, tenant string, d *tasks.Delivery) (disabled bool, err error)
}
