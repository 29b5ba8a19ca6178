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

// Service is a Registry with a queue: it sends what owners of endpoints ask for.
type Service struct {
	*Registry
	notices webhook.Queue
}

// NewService returns a Service that sends through notices.
func NewService(r *Registry, notices webhook.Queue) *Service { return &Service{r, notices} }

// Test queues a webhook of type webhook.test to an endpoint, and returns its ID.
// A disabled endpoint must be enabled first.
func (s *Service) Test(ctx context.Context, tenant, id string) (webhookID string, err error) {
	e, err := s.Endpoint(ctx, tenant, id)
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
	return n.ID, s.notices.EnqueueWebhook(ctx, n)
}

// Redeliver queues the webhook of a try in the log once more, whatever its outcome,
// under the same webhook ID.
func (s *Service) Redeliver(ctx context.Context, tenant, deliveryID string) (*tasks.Delivery, error) {
	d, err := s.Delivery(ctx, tenant, deliveryID)
	if err != nil {
		return nil, err
	}
	if d.Endpoint != "" {
		e, err := s.Endpoint(ctx, tenant, d.Endpoint)
		if err != nil {
			return nil, err
		}
		if e.Disabled != "" {
			return nil, disabled(e)
		}
	}
	return d, s.again(ctx, d)
}

// maxRecovered bounds what one call of Recover queues.
const maxRecovered = 1000

// Recover queues once more what was tried at an endpoint in a span of time and
// never delivered, up to a thousand webhooks, the oldest first, and returns
// how many. Those with a retry still scheduled are sent at once.
func (s *Service) Recover(ctx context.Context, tenant, id string, since, until time.Time) (int, error) {
	e, err := s.Endpoint(ctx, tenant, id)
	if err != nil {
		return 0, err
	}
	if e.Disabled != "" {
		return 0, disabled(e)
	}
	lost, err := s.Undelivered(ctx, tenant, id, since, until)
	if err != nil {
		return 0, err
	}
	lost = lost[:min(len(lost), maxRecovered)]
	for i, d := range lost {
		if err := s.again(ctx, d); err != nil {
			return i, err
		}
	}
	return len(lost), nil
}

// again queues a webhook once more. Two requests for the same try within a moment
// send it once.
func (s *Service) again(ctx context.Context, d *tasks.Delivery) error {
	var n queue.Notice
	if err := json.Unmarshal(d.Notice, &n); err != nil {
		return fmt.Errorf("decode the notice of %s: %w", d.ID, err)
	}
	n.Again = d.ID
	return s.notices.EnqueueWebhook(ctx, n)
}

func disabled(e *tasks.Endpoint) error {
	return tasks.Errorf(tasks.CodeConflict, "the endpoint is disabled (%s); enable it first", e.Disabled)
}
