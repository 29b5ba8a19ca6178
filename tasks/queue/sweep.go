package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// sweepEvery is how often, among all workers, a part of the keys is searched
	// for tasks that are in no list.
	sweepEvery = 30 * time.Second
	// sweepPage is how many keys are asked for at a time, and sweepPages how often
	// per sweep and master: a million keys are searched within a quarter of an
	// hour, and no sweep takes long.
	sweepPage  = 1000
	sweepPages = 40
	// sweepKey is there while no sweep is due.
	sweepKey = "spillway:swept"
	// sweepCursors says where the next sweep goes on (hash: address of a master →
	// cursor of SCAN).
	sweepCursors = "spillway:sweep"
)

// sweep searches the next part of the keys for tasks that are in no list, if no
// other worker has done so lately.
func (h *Healer) sweep(ctx context.Context) error {
	due, err := h.rdb.SetNX(ctx, sweepKey, strconv.FormatInt(h.lookBegan.Unix(), 10), sweepEvery).Result()
	if err != nil || !due {
		return err
	}
	found, err := h.scan(ctx)
	if err != nil {
		return fmt.Errorf("look for tasks in no list: %w", err)
	}
	for _, queue := range All() {
		if len(found[queue]) == 0 {
			continue
		}
		if err := h.replace(ctx, queue, found[queue]); err != nil {
			return fmt.Errorf("look for tasks of queue %s in no list: %w", queue, err)
		}
	}
	return nil
}

// replace repairs those of a queue's tasks that are in none of its lists.
func (h *Healer) replace(ctx context.Context, queue string, ids []string) error {
	placed, err := h.placed(ctx, queue)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if placed[id] {
			continue
		}
		done, err := unplaced(ctx, h.rdb, queue, id, remedy(queue))
		if err != nil {
			return err
		}
		if done {
			h.log.WarnContext(ctx, "a task that was in no list of its queue was looked after", "queue", queue, "task", id, "done", remedy(queue))
		}
	}
	return nil
}

// placed returns the IDs in all lists of a queue. What moves meanwhile may be
// missing, so it only spares a closer look.
func (h *Healer) placed(ctx context.Context, queue string) (map[string]bool, error) {
	k := keysOf(queue)
	var lists []*redis.StringSliceCmd
	_, err := h.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		lists = []*redis.StringSliceCmd{p.LRange(ctx, k.pending(), 0, -1), p.LRange(ctx, k.active(), 0, -1)}
		for _, set := range []string{k.scheduled(), k.retry(), k.archived(), k.completed()} {
			lists = append(lists, p.ZRange(ctx, set, 0, -1))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, l := range lists {
		for _, id := range l.Val() {
			ids[id] = true
		}
	}
	return ids, nil
}

// scan reads the next pages of key names on every master, and returns the IDs of
// the tasks among them by queue.
func (h *Healer) scan(ctx context.Context) (map[string][]string, error) {
	var mu sync.Mutex
	found := map[string][]string{}
	one := func(ctx context.Context, server redis.Cmdable, name string) error {
		keys, err := h.scanOne(ctx, server, name)
		mu.Lock()
		defer mu.Unlock()
		for _, key := range keys {
			if queue, id, ok := parseTask(key); ok {
				found[queue] = append(found[queue], id)
			}
		}
		return err
	}
	cluster, ok := h.rdb.(*redis.ClusterClient)
	if !ok {
		return found, one(ctx, h.rdb, "")
	}
	return found, cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		return one(ctx, master, master.Options().Addr)
	})
}

// scanOne reads the next pages of one master, which has this name among the
// cursors. A cursor that another server gave is valid there, too; it only begins
// somewhere else.
func (h *Healer) scanOne(ctx context.Context, server redis.Cmdable, name string) (keys []string, err error) {
	cursor, err := h.rdb.HGet(ctx, sweepCursors, name).Uint64()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	for range h.pages {
		var page []string
		if page, cursor, err = server.Scan(ctx, cursor, keysOf("*").task("*"), sweepPage).Result(); err != nil {
			return nil, err
		}
		keys = append(keys, page...)
		if cursor == 0 {
			break
		}
	}
	return keys, h.rdb.HSet(ctx, sweepCursors, name, strconv.FormatUint(cursor, 10)).Err()
}

// parseTask takes the key of a task apart, which may have a Prefix.
func parseTask(key string) (queue, id string, ok bool) {
	prefix, rest, ours := strings.Cut(key, asynqKeys+"{")
	queue, id, ok = strings.Cut(rest, "}:t:")
	return queue, id, ours && ok && !strings.Contains(prefix, "{")
}
