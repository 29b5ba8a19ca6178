package queue

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// scout is the connection of a server of several queues. asynq asks them one
// after the other, by a script and a round trip each, before every task that it
// takes; most are empty. The scout looks at all of them in one round trip, and
// answers for those that are empty itself. What a look has found is good for a
// while, so that a busy server, too, asks only the queue that it lives on.
type scout struct {
	redis.UniversalClient
	throttle
	pending []string      // keys of the queues' lists
	lasts   time.Duration // of what a look has found: no longer than an idle server waits

	mu     sync.Mutex
	looked time.Time
	empty  map[string]bool // by key of the list
}

// scouting returns the connection for a server of queues that looks at them
// every so often while it is idle.
func scouting(rdb redis.UniversalClient, queues []string, poll time.Duration) *scout {
	s := &scout{UniversalClient: rdb, lasts: poll / 2}
	if len(queues) < 2 {
		return s // one look would cost as much as the other
	}
	for _, q := range queues {
		s.pending = append(s.pending, keysOf(q).pending())
	}
	return s
}

// EvalSha runs a script, unless it would take a task from an empty queue, or one too
// many from a throttled one.
func (s *scout) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	if takes(keys) && (s.isEmpty(ctx, keys[0]) || !s.allows(keys[0])) {
		reply := redis.NewCmd(ctx)
		reply.SetErr(redis.Nil)
		return reply
	}
	return s.UniversalClient.EvalSha(ctx, sha1, keys, args...)
}

// takes reports whether these are the keys of the script by which asynq takes a
// task: pending, paused, active and lease of one queue.
func takes(keys []string) bool {
	if len(keys) != 4 {
		return false
	}
	k, ok := strings.CutSuffix(keys[0], queueKeys("").pending())
	return ok && keys[1] == queueKeys(k).paused()
}

// isEmpty reports whether a list was empty when it was last looked at. Nothing is
// known of one that could not be looked at.
func (s *scout) isEmpty(ctx context.Context, pending string) bool {
	if len(s.pending) == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.looked) >= s.lasts {
		s.empty = s.look(ctx)
		s.looked = time.Now() // far from Redis, the way there would use it up
	}
	return s.empty[pending]
}

// look returns which lists are empty.
func (s *scout) look(ctx context.Context) map[string]bool {
	lists := make([]*redis.IntCmd, len(s.pending))
	_, err := s.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range s.pending {
			lists[i] = p.Exists(ctx, key)
		}
		return nil
	})
	if err != nil {
		return nil
	}
	empty := make(map[string]bool, len(lists))
	for i, key := range s.pending {
		empty[key] = lists[i].Val() == 0
	}
	return empty
}
