package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// hurryBatch is how many jobs are made due in one step, in which Redis serves
// nobody else.
const hurryBatch = 1000

// hurriedFor is for how long hurried jobs count as due already: longer than recentlyDue.
const hurriedFor = 2 * recentlyDue

// Hurry makes every job due that waits in a queue ("local.high.first"), because the
// queue's last worker is gone: the watchdogs then give them tickets elsewhere.
// It returns how many there are.
func (s *Store) Hurry(ctx context.Context, queue string) (int, error) {
	n := 0
	for _, sh := range s.shards() {
		last := ""
		for part := hurryBatch; part == hurryBatch; n += part {
			reply, err := hurryScript.Run(ctx, s.rdb, []string{sh.due(), sh.waiting()}, queue, last, hurryBatch, hurriedFor.Milliseconds()).Slice()
			if err != nil {
				return n, fmt.Errorf("hurry queue %s: %w", queue, unavailable(err))
			}
			found, _ := reply[0].(int64)
			part, last = int(found), text(reply, 1)
		}
	}
	return n, nil
}

// AnyWaiting reports whether any job waits in a queue.
func (s *Store) AnyWaiting(ctx context.Context) (bool, error) {
	keys := make([]*redis.IntCmd, s.cfg.Shards)
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, sh := range s.shards() {
			keys[i] = p.Exists(ctx, sh.waiting())
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("look for waiting jobs: %w", unavailable(err))
	}
	return slices.ContainsFunc(keys, func(c *redis.IntCmd) bool { return c.Val() > 0 }), nil
}

// Backlog returns how many jobs wait in each queue, by the lane they wait for
// first.
func (s *Store) Backlog(ctx context.Context, queues []string) (map[string]int, error) {
	backlog := make(map[string]int, len(queues))
	cmds := make([]*redis.IntCmd, 0, len(queues)*s.cfg.Shards)
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, q := range queues {
			for _, sh := range s.shards() {
				cmds = append(cmds, p.ZLexCount(ctx, sh.waiting(), "["+q+":", "("+q+";"))
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read backlog: %w", unavailable(err))
	}
	for i, c := range cmds {
		backlog[queues[i/s.cfg.Shards]] += int(c.Val())
	}
	return backlog, nil
}

// Position returns the position of a waiting job in its queue, from 1.
func (s *Store) Position(ctx context.Context, j *tasks.Job) (int, error) {
	place := fmt.Sprintf("%s:%d:%s", j.Waiting.Queue, j.Waiting.Since.UnixMilli(), j.ID)
	cmds := make([]*redis.IntCmd, s.cfg.Shards)
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, sh := range s.shards() {
			cmds[i] = p.ZLexCount(ctx, sh.waiting(), "["+j.Waiting.Queue+":", "("+place)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("read position: %w", unavailable(err))
	}
	position := 1
	for _, c := range cmds {
		position += int(c.Val())
	}
	return position, nil
}
