package app

import (
	"context"
	"sync"
	"time"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/worker/webhook"
	"github.com/topcentral/spillway/worker/webhook/endpoints"
)

const (
	// webhookGroup is the consumer group that relays read the outbox in. They
	// share one consumer of that name: what one leaves behind comes back to all.
	webhookGroup = "webhooks"
	// webhooksAtOnce is how many webhooks a worker delivers at once: many times what
	// one tenant may have, so that receivers who do not answer delay no other's.
	// webhookSlots is that, and as many that wait in line for a moment.
	webhooksAtOnce = 512
	webhookSlots   = 2 * webhooksAtOnce
	// webhookDrain is how long a worker that stops waits for deliveries at most;
	// each takes 15 s at the most.
	webhookDrain = 20 * time.Second
	// webhookPoll is how often an idle worker looks for webhooks: no caller waits for
	// one as for an answer.
	webhookPoll = 50 * time.Millisecond
	// relayIdle is after how long an entry that a relay took and did not
	// acknowledge comes back to another.
	relayIdle = 10 * time.Second
)

// webhooks makes what relays ended jobs from the outbox and delivers their
// webhooks, until ctx ends. Without a secret there is nothing to sign with, and
// no job can have asked for any.
func (s *App) webhooks() (func(ctx context.Context) error, error) {
	if len(s.cfg.WebhookSecret) == 0 {
		return func(context.Context) error { return nil }, nil
	}
	sender, err := webhook.NewSender(webhook.Config{Policy: s.policy, AtOnce: webhooksAtOnce, Tracer: s.tracer})
	if err != nil {
		return nil, err
	}
	registry, err := s.endpoints()
	if err != nil {
		return nil, err
	}
	handler := webhook.NewHandler(s.Store, webhook.WithMetrics(registry, s.metrics), s.queue, sender, s.log)
	outbox := s.Store.Outbox(webhookGroup, relayIdle)
	relay := webhook.NewRelay(outbox, registry, s.queue, webhookGroup, s.log)
	return func(ctx context.Context) error {
		server, err := queue.Serve(s.queues, queue.ServerConfig{
			Queues: []string{queue.Webhooks}, Slots: webhookSlots, Poll: webhookPoll, Drain: min(webhookDrain, s.cfg.WorkerDrain+time.Second),
		}, queue.Handlers{Notice: handler.Handle}, s.log)
		if err != nil {
			return err
		}
		defer server.Shutdown()
		var background sync.WaitGroup
		defer background.Wait()
		background.Go(func() { s.reseal(ctx, registry) })
		relay.Run(ctx)
		return nil
	}, nil
}

// endpoints opens the register of tenants' webhook endpoints.
func (s *App) endpoints() (*endpoints.Registry, error) {
	return endpoints.Open(s.rdb, s.cfg.Endpoints(s.policy.CheckURL))
}

// reseal has the first of the installation's webhook secrets seal all that the
// others open, so that these may go.
func (s *App) reseal(ctx context.Context, registry *endpoints.Registry) {
	if len(s.cfg.WebhookSecret) < 2 {
		return
	}
	seals, err := registry.Reseal(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		s.log.ErrorContext(ctx, "cannot re-encrypt webhook secrets; the next worker that starts tries again; keep the old SPILLWAY_WEBHOOK_SECRET", "error", err)
	case err == nil:
		s.log.InfoContext(ctx, "webhook secrets re-encrypted; only the first SPILLWAY_WEBHOOK_SECRET is needed now", "sealed", seals.Old, "lost", len(seals.Lost))
	}
}

// post returns what owners of endpoints may ask for; nil where no webhooks are
// sent.
func (s *App) post() (api.Webhooks, error) {
	if len(s.cfg.WebhookSecret) == 0 {
		return nil, nil //nolint:nilnil // an installation without webhooks is no error
	}
	registry, err := s.endpoints()
	if err != nil {
		return nil, err
	}
	return endpoints.NewService(registry, s.queue), nil
}
