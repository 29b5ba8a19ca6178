package store

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"
)

// hub wakes whoever watches a job, over one subscription connection for the
// whole process. It carries no events: a woken watcher reads the job's log. A
// wake-up may be spurious; one that was lost with the connection is made up
// for when the connection is back.
type hub struct {
	rdb redis.UniversalClient

	mu       sync.Mutex
	pubsub   *redis.PubSub // nil until the first watcher joins
	watchers map[string]map[*watcher]struct{}
	closed   bool
	done     chan struct{} // closed when the reader has ended
}

// watcher is one party that waits for news of a channel.
type watcher struct {
	wake chan struct{}          // holds at most one wake-up
	want func(kind string) bool // which events are news
}

func newHub(rdb redis.UniversalClient) *hub {
	return &hub{rdb: rdb, watchers: map[string]map[*watcher]struct{}{}, done: make(chan struct{})}
}

// join subscribes to a channel. What happens after join has returned wakes the
// watcher, so: join first, then read.
func (h *hub) join(channel string, want func(kind string) bool) *watcher {
	w := &watcher{wake: make(chan struct{}, 1), want: want}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return w
	}
	if h.pubsub == nil {
		h.pubsub = h.rdb.Subscribe(context.Background())
		go h.read(h.pubsub)
	}
	if h.watchers[channel] == nil {
		h.watchers[channel] = map[*watcher]struct{}{}
		// On an error go-redis keeps the channel in mind and subscribes when it
		// has reconnected; the confirmation then wakes the watcher.
		_ = h.pubsub.Subscribe(context.Background(), channel)
	}
	h.watchers[channel][w] = struct{}{}
	return w
}

// leave ends what join began.
func (h *hub) leave(channel string, w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watchers[channel], w)
	if len(h.watchers[channel]) == 0 {
		delete(h.watchers, channel)
		if !h.closed && h.pubsub != nil {
			_ = h.pubsub.Unsubscribe(context.Background(), channel)
		}
	}
}

// read passes on messages until the subscription is closed. The confirmation
// of a subscription is news too: events may have come before it.
func (h *hub) read(pubsub *redis.PubSub) {
	defer close(h.done)
	for m := range pubsub.ChannelWithSubscriptions(redis.WithChannelSize(1024)) {
		switch m := m.(type) {
		case *redis.Message:
			h.tell(m.Channel, m.Payload)
		case *redis.Subscription:
			h.tell(m.Channel, "")
		}
	}
}

// tell wakes the watchers of a channel who want this kind of event; the empty
// kind wakes all.
func (h *hub) tell(channel, kind string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watchers[channel] {
		if kind != "" && !w.want(kind) {
			continue
		}
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// close ends the subscription and waits for its reader.
func (h *hub) close() error {
	h.mu.Lock()
	pubsub := h.pubsub
	already := h.closed
	h.closed = true
	h.mu.Unlock()
	if pubsub == nil || already {
		return nil
	}
	err := pubsub.Close()
	<-h.done
	return err
}
