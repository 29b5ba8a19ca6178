package queue

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
)

// prefixKey holds the prefix of the queues of this installation, behind a dash so
// that none is a value, too.
const prefixKey = "spillway:queue-prefix"

// Claim makes sure that every process of the installation whose jobs are in rdb
// uses the same prefix: those with another would never get each other's tickets.
// The first that starts settles it.
func Claim(ctx context.Context, rdb redis.UniversalClient, p Prefix) error {
	settled, err := match(ctx, rdb, p)
	if settled || err != nil {
		return err // without a write, which may be refused now
	}
	if err := rdb.SetNX(ctx, prefixKey, "-"+string(p), 0).Err(); err != nil {
		return fmt.Errorf("settle the prefix of the queues: %w", unavailable(err))
	}
	return Match(ctx, rdb, p)
}

// Match returns an error if the processes of the installation use another prefix.
// It settles nothing.
func Match(ctx context.Context, rdb redis.UniversalClient, p Prefix) error {
	_, err := match(ctx, rdb, p)
	return err
}

// match is Match, and reports whether a prefix is settled.
func match(ctx context.Context, rdb redis.UniversalClient, p Prefix) (settled bool, err error) {
	held, err := rdb.Get(ctx, prefixKey).Result()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the prefix of the queues: %w", unavailable(err))
	}
	if held != "-"+string(p) {
		return true, fmt.Errorf("the queues of this installation have the prefix %q and not %q: set SPILLWAY_QUEUE_PREFIX so in every process; to change it, "+
			"stop them all when no webhook waits, and delete the key %s", held[min(1, len(held)):], p, prefixKey)
	}
	return true, nil
}

// sampled is how many tasks of each list of a queue are looked at.
const sampled = 5

// CheckForeignTasks returns an error if tasks of another application wait in the queues
// that are ours by name: servers of both would take each other's.
func CheckForeignTasks(ctx context.Context, rdb redis.UniversalClient) error {
	tasks, err := sample(ctx, rdb)
	if err != nil {
		return fmt.Errorf("look for other applications in the queues: %w", unavailable(err))
	}
	for queue, messages := range tasks {
		for _, m := range messages {
			if typ := typeOf(m); typ != "" && typ != typeTicket && typ != typeNotice {
				return fmt.Errorf("another application uses the queue %q of this Redis database (a task of type %.64q is in it): "+
					"give one of the two a database of its own, or set SPILLWAY_QUEUE_PREFIX in every process", queue, typ)
			}
		}
	}
	return nil
}

// sample returns the messages of some tasks of every queue, in two round trips.
func sample(ctx context.Context, rdb redis.UniversalClient) (map[string][]string, error) {
	lists := map[string][]*redis.StringSliceCmd{}
	_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, q := range All() {
			k := keysOf(q)
			lists[q] = []*redis.StringSliceCmd{p.LRange(ctx, k.pending(), -sampled, -1), p.LRange(ctx, k.active(), 0, sampled-1)}
			for _, set := range []string{k.scheduled(), k.retry(), k.archived(), k.completed()} {
				lists[q] = append(lists[q], p.ZRange(ctx, set, 0, sampled-1))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	messages := map[string][]*redis.StringCmd{}
	_, err = rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for q, found := range lists {
			for _, id := range slices.Concat(found[0].Val(), found[1].Val(), found[2].Val(), found[3].Val(), found[4].Val(), found[5].Val()) {
				messages[q] = append(messages[q], p.HGet(ctx, keysOf(q).task(id), "msg"))
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) { // Nil: one has gone meanwhile
		return nil, err
	}
	texts := map[string][]string{}
	for q, replies := range messages {
		for _, r := range replies {
			texts[q] = append(texts[q], r.Val())
		}
	}
	return texts, nil
}

// typeOf returns the type of a task from its message: the first field of a
// protocol buffer, as asynq writes it. "" if it is something else.
func typeOf(message string) string {
	const firstField = 1<<3 | 2 // its number, and that a length comes first
	if len(message) < 2 || message[0] != firstField {
		return ""
	}
	n, size := binary.Uvarint([]byte(message[1:]))
	rest := message[1+max(size, 0):]
	if size <= 0 || n > uint64(len(rest)) {
		return ""
	}
	return rest[:n]
}
