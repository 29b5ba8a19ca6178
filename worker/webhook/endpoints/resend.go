package endpoints

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/worker/webhook"
)

// Post is a Book with a queue: what owners of endpoints may ask to be sent.
type Post struct {
	*Book
	sender webhook.Sender
}

// NewPost returns a Post that queues through sender.
func NewPost(b *Book, sender webhook.Sender) *Post { return &Post{b, sender} }

// Test queues a webhook of type webhook.test to an endpoint, and returns its ID.
// A disabled endpoint must be enabled first.
func (p *Post) Test(ctx context.Context, tenant, id string) (webhookID string, err error) {
	e, err := p.Endpoint(ctx, tenant, id)
	if err != nil {
		return "", err
	}
	if e.Disabled != "" {
		return "", disabled(e)
	}
	n := queue.Notice{
		ID: "evt_test_" + strings.ToLower(rand.Text()), Tenant: tenant, Endpoint: id,
		Type: tasks.EventWebhookTest, At: now(),
	}
	return n.ID, p.sender.EnqueueWebhook(ctx, n)
}

// Redeliver queues the webhook of a try in the log once more, whatever became of
// it, under the same webhook ID.
func (p *Post) Redeliver(ctx context.Context, tenant, deliveryID string) (*tasks.Delivery, error) {
	d, err := p.Delivery(ctx, tenant, deliveryID)
	if err != nil {
		return nil, err
	}
	if d.Endpoint != "" {
		e, err := p.Endpoint(ctx, tenant, d.Endpoint)
		if err != nil {
			return nil, err
		}
		if e.Disabled != "" {
			return nil, disabled(e)
		}
	}
	return d, p.again(ctx, d)
}

// maxRecovered bounds what one call of Recover queues.
const maxRecovered = 1000

// Recover queues once more what was tried at an endpoint in a span of time and
// never delivered, up to a thousand webhooks, the oldest first, and tells how
// many. Those that are still to be tried again by themselves are sent at once.
func (p *Post) Recover(ctx context.Context, tenant, id string, since, until time.Time) (int, error) {
	e, err := p.Endpoint(ctx, tenant, id)
	if err != nil {
		return 0, err
	}
	if e.Disabled != "" {
		return 0, disabled(e)
	}
	lost, err := p.Undelivered(ctx, tenant, id, since, until)
	if err != nil {
		return 0, err
	}
	lost = lost[:min(len(lost), maxRecovered)]
	for i, d := range lost {
		if err := p.again(ctx, d); err != nil {
			return i, err
		}
	}
	return len(lost), nil
}

// again queues a webhook once more. To ask twice for the same try to be sent
// again within a moment sends it once.
func (p *Post) again(ctx context.Context, d *tasks.Delivery) error {
	var n queue.Notice
	if err := json.Unmarshal(d.Notice, &n); err != nil {
		return fmt.Errorf("decode the notice of %s: %w", d.ID, err)
	}
	n.Again = d.ID
	return p.sender.EnqueueWebhook(ctx, n)
}

func disabled(e *tasks.Endpoint) error {
	return tasks.Errorf(tasks.CodeConflict, "the endpoint is disabled (%s); enable it first", e.Disabled)
}
