package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// leaselessFor is how long a task must have been seen active without a lease
	// before it counts as lost.
	leaselessFor = time.Minute
	// healWindow is how many IDs of each list are looked at at once: the oldest,
	// which are those in the way.
	healWindow = 500
)

// Healer mends what asynq leaves behind when Redis loses some of its keys, by
// a deletion, a failover or an eviction:
//
//   - ghosts, which are IDs in a list whose task is gone, and which cost a server
//     its pause each time it meets one;
//   - tasks that are active without a lease, which asynq never takes back;
//   - tasks that are in no list, which no server takes, and whose ID is blocked;
//   - queues that are missing from the list of all queues, so that no inspector
//     sees them.
//
// A ticket that was lost is deleted, for its job gets another from a watchdog;
// a webhook that was lost is put back. Every worker has a Healer, and they do
// not hinder each other. A Healer itself is for one goroutine.
type Healer struct {
	rdb       redis.UniversalClient
	log       *slog.Logger
	patience  time.Duration
	pages     int                  // how many pages of keys a sweep reads of each master
	suspects  map[string]time.Time // key of the task that has no lease → when that was first seen
	lookBegan time.Time
}

// NewHealer returns a Healer on rdb, which stays the caller's to close.
func NewHealer(rdb redis.UniversalClient, log *slog.Logger) *Healer {
	return &Healer{rdb: rdb, log: log, patience: leaselessFor, pages: sweepPages, suspects: map[string]time.Time{}}
}

// Look does one round over all queues.
func (h *Healer) Look(ctx context.Context) error {
	h.lookBegan = time.Now()
	seen := map[string]time.Time{}
	var published []any
	queues, err := h.holders(ctx)
	if err != nil {
		return fmt.Errorf("look at the queues: %w", err)
	}
	for _, queue := range queues {
		held, err := h.read(ctx, queue)
		if err != nil {
			return fmt.Errorf("heal queue %s: %w", queue, err)
		}
		if held.any() {
			published = append(published, queue)
		}
		if err := h.mend(ctx, held, seen); err != nil {
			return fmt.Errorf("mend queue %s: %w", queue, err)
		}
	}
	h.suspects = seen
	if len(published) > 0 {
		if err := h.rdb.SAdd(ctx, publishedKey, published...).Err(); err != nil {
			return fmt.Errorf("list queues: %w", err)
		}
	}
	return h.sweep(ctx)
}

// holders trims the wake-ups of all queues, and returns the queues of which any list may
// hold something: none or all of them where one server has them.
func (h *Healer) holders(ctx context.Context) ([]string, error) {
	var all []string
	for _, q := range All() {
		k := keysOf(q)
		all = append(all, k.pending(), k.active(), k.scheduled(), k.retry())
	}
	_, cluster := h.rdb.(*redis.ClusterClient)
	var held *redis.IntCmd
	_, err := h.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, q := range All() {
			trimWake(ctx, p, wakeKey(q))
		}
		if !cluster {
			held = p.Exists(ctx, all...)
		}
		return nil
	})
	if err != nil || !cluster && held.Val() == 0 {
		return nil, err
	}
	return All(), nil
}

// holding is what a queue's lists hold, or the oldest part of it.
type holding struct {
	queue   string
	waiting []string // IDs that are pending, scheduled or to be retried
	active  []string
	leased  map[string]bool // the active ones that have a lease
	exists  map[string]bool // the IDs whose task is there
}

func (h holding) any() bool { return len(h.waiting)+len(h.active) > 0 }

func (h *Healer) read(ctx context.Context, queue string) (holding, error) {
	k := keysOf(queue)
	held := holding{queue: queue, leased: map[string]bool{}, exists: map[string]bool{}}
	var lists [4]*redis.StringSliceCmd
	_, err := h.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		lists[0] = p.LRange(ctx, k.active(), 0, healWindow-1)
		lists[1] = p.LRange(ctx, k.pending(), -healWindow, -1)
		lists[2] = p.ZRange(ctx, k.scheduled(), 0, healWindow-1)
		lists[3] = p.ZRange(ctx, k.retry(), 0, healWindow-1)
		return nil
	})
	if err != nil {
		return held, err
	}
	held.active = lists[0].Val()
	for _, l := range lists[1:] {
		held.waiting = append(held.waiting, l.Val()...)
	}
	if !held.any() {
		return held, nil
	}
	exists, leases := map[string]*redis.IntCmd{}, map[string]*redis.FloatCmd{}
	_, err = h.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, id := range held.waiting {
			exists[id] = p.Exists(ctx, k.task(id))
		}
		for _, id := range held.active {
			exists[id], leases[id] = p.Exists(ctx, k.task(id)), p.ZScore(ctx, k.lease(), id)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) { // Nil: something has no lease
		return held, err
	}
	for id, cmd := range exists {
		held.exists[id] = cmd.Val() == 1
	}
	for id, cmd := range leases {
		held.leased[id] = cmd.Err() == nil
	}
	return held, nil
}

// mend removes what is lost, and notes in seen what may be.
func (h *Healer) mend(ctx context.Context, held holding, seen map[string]time.Time) error {
	for id, there := range held.exists {
		if there {
			continue
		}
		if done, err := ghost(ctx, h.rdb, held.queue, id); err != nil {
			return err
		} else if done {
			h.log.WarnContext(ctx, "an ID whose task is gone was removed from its queue", "queue", held.queue, "task", id)
		}
	}
	for _, id := range held.active {
		if held.leased[id] || !held.exists[id] {
			continue
		}
		name := keysOf(held.queue).task(id)
		since, known := h.suspects[name]
		if !known {
			seen[name] = h.lookBegan
			continue
		}
		if h.lookBegan.Sub(since) < h.patience {
			seen[name] = since
			continue
		}
		if done, err := leaseless(ctx, h.rdb, held.queue, id); err != nil {
			return err
		} else if done {
			h.log.WarnContext(ctx, "a task that was active without a lease was taken back", "queue", held.queue, "task", id)
		}
	}
	return nil
}
