package store

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"
)

// hub wakes the watchers of jobs, over one subscription connection for the
// whole process. It carries no events: a woken watcher reads the job's log. A
// wake-up may be spurious; one that was lost with the connection is made up
// for when the connection is back.
type hub struct {
	rdb    redis.UniversalClient
	change chan struct{}      // holds a signal that watchers came or went
	life   context.Context    // ends with the hub
	end    context.CancelFunc // ends life
	loops  sync.WaitGroup

	mu       sync.Mutex
	watchers map[string]map[*watcher]struct{} // by channel
	pending  map[string]struct{}              // channels whose first watcher came or whose last one left
	started  bool
}

// watcher is one party that waits for events of a channel.
type watcher struct {
	wake chan struct{}          // holds at most one wake-up
	want func(kind string) bool // which events wake it
}

func newHub(rdb redis.UniversalClient) *hub {
	h := &hub{rdb: rdb, change: make(chan struct{}, 1), watchers: map[string]map[*watcher]struct{}{}, pending: map[string]struct{}{}}
	h.life, h.end = context.WithCancel(context.Background())
	return h
}

// join subscribes to a channel. The watcher is woken once the subscription
// holds, and by what happens from then on: so join first, and read when woken.
func (h *hub) join(channel string, want func(kind string) bool) *watcher {
	w := &watcher{wake: make(chan struct{}, 1), want: want}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watchers[channel] == nil {
		h.watchers[channel] = map[*watcher]struct{}{}
		h.changed(channel)
	}
	h.watchers[channel][w] = struct{}{}
	if !h.started && h.life.Err() == nil {
		h.started = true
		pubsub := h.rdb.Subscribe(h.life)
		h.loops.Go(func() { h.read(pubsub) })
		h.loops.Go(func() { h.subscribe(pubsub) })
	}
	return w
}

// leave ends what join began.
func (h *hub) leave(channel string, w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watchers[channel], w)
	if len(h.watchers[channel]) == 0 {
		delete(h.watchers, channel)
		h.changed(channel)
	}
}

// changed has the subscription of a channel looked at. It needs the lock.
func (h *hub) changed(channel string) {
	h.pending[channel] = struct{}{}
	select {
	case h.change <- struct{}{}:
	default:
	}
}

// subscribe keeps the connection's channels in step with the watchers', until
// the hub ends. It alone talks to Redis, so that no watcher waits for that.
func (h *hub) subscribe(pubsub *redis.PubSub) {
	defer pubsub.Close() //nolint:errcheck // nothing is lost with it
	have := map[string]bool{}
	for {
		select {
		case <-h.life.Done():
			return
		case <-h.change:
		}
		added, gone := h.difference(have)
		// On an error go-redis keeps the channels in mind and subscribes when it
		// has reconnected; the confirmation then wakes the watchers.
		if len(added) > 0 {
			_ = pubsub.Subscribe(h.life, added...)
		}
		if len(gone) > 0 {
			_ = pubsub.Unsubscribe(h.life, gone...)
		}
	}
}

// difference brings have up to date, and lists what was added to it and what
// went. It looks at what has changed alone: there may be many watchers.
func (h *hub) difference(have map[string]bool) (added, gone []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for channel := range h.pending {
		switch want := h.watchers[channel] != nil; {
		case want && !have[channel]:
			added = append(added, channel)
			have[channel] = true
		case !want && have[channel]:
			gone = append(gone, channel)
			delete(have, channel)
		}
	}
	clear(h.pending)
	return added, gone
}

// read passes on messages until the subscription is closed. The confirmation
// of a subscription wakes watchers too: events may have come before it.
func (h *hub) read(pubsub *redis.PubSub) {
	for m := range pubsub.ChannelWithSubscriptions(redis.WithChannelSize(1024)) {
		switch m := m.(type) {
		case *redis.Message:
			h.wake(m.Channel, m.Payload)
		case *redis.Subscription:
			h.wake(m.Channel, "")
		}
	}
}

// wake wakes the watchers of a channel that want this kind of event; the empty
// kind wakes all.
func (h *hub) wake(channel, kind string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watchers[channel] {
		if kind == "" || w.want(kind) {
			w.rouse()
		}
	}
}

// rouse leaves the watcher a wake-up, unless it holds one.
func (w *watcher) rouse() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// close ends the subscription, so that no watcher is woken any more, and waits for
// the hub's own loops.
func (h *hub) close() {
	h.mu.Lock()
	h.end()
	h.mu.Unlock()
	h.loops.Wait()
}
