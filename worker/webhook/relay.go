package webhook

import (
	"context"
	"log/slog"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// Outbox is a stream of the changes of jobs' states, shared by the consumers of
// one group. The store's is one.
type Outbox interface {
	// Next returns entries that are not acknowledged, up to limit of each
	// shard, and waits up to wait for the first. An entry that was returned and not
	// acknowledged comes back after a while, to any consumer, also if its
	// consumer lives on. No entries and no error means that none arrived.
	Next(ctx context.Context, consumer string, limit int, wait time.Duration) ([]store.OutboxEntry, error)

	// Ack acknowledges entries, which then do not come back.
	Ack(ctx context.Context, entries ...store.OutboxEntry) error
}

// Queue takes webhooks to be sent, as queue.Client does. It must be safe for concurrent use.
type Queue interface {
	// EnqueueWebhook queues n. That a notice with its ID is queued already
	// is not an error.
	EnqueueWebhook(ctx context.Context, n queue.Notice) error
}

// Relay carries the changes of jobs from the outbox to the queue of webhooks.
// Any number of relays may share an outbox, under one name or several.
type Relay struct {
	outbox   Outbox
	registry Registry
	notices  Queue
	consumer string
	log      *slog.Logger
}

// NewRelay returns a relay that consumes the outbox under the name consumer.
func NewRelay(outbox Outbox, registry Registry, notices Queue, consumer string, log *slog.Logger) *Relay {
	return &Relay{outbox, registry, notices, consumer, log}
}

// The pace of a relay.
const (
	relayBatch = 64
	relayWait  = 2 * time.Second // for an entry to come; bounds how long Run takes to end
	relayPause = time.Second     // after an error
	ackTimeout = 5 * time.Second // for the last acknowledgement on shutdown
)

// Run relays until ctx ends. Errors are logged and the batch is tried again: entries
// that were not queued stay in the outbox.
func (r *Relay) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := r.step(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("webhook relay failed", "error", err)
			pause(ctx, jitter(relayPause))
		}
	}
}

// step relays one batch. It queues what it can before it returns the first
// error, so one bad entry does not hold up those behind it.
func (r *Relay) step(ctx context.Context) error {
	entries, err := r.outbox.Next(ctx, r.consumer, relayBatch, relayWait)
	if err != nil || len(entries) == 0 {
		return err
	}
	done := make([]store.OutboxEntry, 0, len(entries))
	subs := subscribers{registry: r.registry, seen: map[subscription][]string{}}
	for _, e := range entries {
		queueErr := r.relay(ctx, e, subs)
		if queueErr == nil {
			done = append(done, e)
		} else if err == nil {
			err = queueErr
		}
	}
	if len(done) == 0 {
		return err
	}
	// What is queued is acknowledged even on shutdown: it need not come twice.
	ackCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackTimeout)
	defer cancel()
	if ackErr := r.outbox.Ack(ackCtx, done...); err == nil {
		err = ackErr
	}
	return err
}

// relay queues the webhooks that e calls for: to the job's callback URL, and to
// each endpoint of the tenant that subscribes to the event.
func (r *Relay) relay(ctx context.Context, e store.OutboxEntry, subs subscribers) error {
	n := queue.Notice{
		ID:       EventID(e.JobID, e.Sequence),
		Tenant:   e.Tenant,
		JobID:    e.JobID,
		Type:     e.Type,
		Sequence: e.Sequence,
		At:       e.At,
	}
	if e.Callback {
		if err := r.notices.EnqueueWebhook(ctx, n); err != nil {
			return err
		}
	}
	endpoints, err := subs.of(ctx, subscription{e.Tenant, e.Type})
	if err != nil {
		return err
	}
	for _, n.Endpoint = range endpoints {
		if err := r.notices.EnqueueWebhook(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// subscribers caches the subscribed endpoints for one batch of events. It asks once
// for each tenant and type, after the events have happened: an endpoint that was
// registered before an event gets it.
type subscribers struct {
	registry Registry
	seen     map[subscription][]string
}

type subscription struct {
	tenant string
	event  tasks.EventType
}

func (c subscribers) of(ctx context.Context, s subscription) ([]string, error) {
	if endpoints, ok := c.seen[s]; ok {
		return endpoints, nil
	}
	endpoints, err := c.registry.Subscribed(ctx, s.tenant, s.event)
	if err == nil {
		c.seen[s] = endpoints
	}
	return endpoints, err
}

// pause waits for d, or less if ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
