package queue

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// scout is the connection of a server. asynq asks the server's queues one after the
// other, by a script and a round trip each, before every task that it takes, and
// sleeps when all are empty. The scout looks at all of them in one round trip and
// answers for those that are empty itself; while all are, it waits for a wake-up. What
// a look has found is good for a while, so that a busy server, too, asks only the
// queue that it lives on. What asynq wants to do beside is left to [Maintain].
//
// Only the one goroutine of a server that takes tasks uses what a look has found.
type scout struct {
	redis.UniversalClient
	throttle
	presence
	wakeups *wakeups
	client  *Client
	queues  []string
	slots   int64         // tasks that the server has in hand at most
	inHand  atomic.Int64  // tasks that it has in hand
	lasts   time.Duration // of what a look has found: no longer than an idle server sleeps

	looked time.Time
	found  map[string]int64 // how many tasks can be taken, by key of the list; nil: not known
	more   bool             // others are parked
	woken  bool             // and has taken nothing since
}

// scouting returns the connection for a server, which sleeps for cfg.Poll on average where
// it cannot wait for wake-ups.
func scouting(rdb redis.UniversalClient, cfg ServerConfig, log *slog.Logger) *scout {
	return &scout{
		UniversalClient: rdb, wakeups: newWakeups(rdb, cfg.Queues, log), client: NewClient(rdb),
		queues: cfg.Queues, slots: int64(max(1, cfg.Slots)), lasts: cfg.Poll / 2,
	}
}

// EvalSha runs a script, unless it would take a task from an empty queue, or one too
// many from a throttled one, or is for Maintain.
func (s *scout) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	if script, _ := upkeepOf(keys); script != notUpkeep {
		return script.nothingDone(ctx)
	}
	if says(keys, args) {
		return s.write(ctx, s.UniversalClient, sha1, keys, args)
	}
	if !takes(keys) {
		return s.UniversalClient.EvalSha(ctx, sha1, keys, args...)
	}
	if !s.mayHold(ctx, keys[0]) || !s.allows(keys[0]) {
		return noTask(ctx)
	}
	reply := s.UniversalClient.EvalSha(ctx, sha1, keys, args...)
	if reply.Err() == nil {
		s.took(ctx, keys[0])
	}
	return reply
}

// ZAdd adds members to a set, or holds them until the server's state follows.
func (s *scout) ZAdd(ctx context.Context, key string, members ...redis.Z) *redis.IntCmd {
	if s.holds(key, members) {
		return redis.NewIntCmd(ctx)
	}
	return s.UniversalClient.ZAdd(ctx, key, members...)
}

// noTask is what the script by which asynq takes a task answers for an empty queue.
func noTask(ctx context.Context) *redis.Cmd {
	reply := redis.NewCmd(ctx)
	reply.SetErr(redis.Nil)
	return reply
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

// mayHold reports whether a list may hold a task. While none does, it waits at the
// first of them.
func (s *scout) mayHold(ctx context.Context, pending string) bool {
	first := pending == keysOf(s.queues[0]).pending()
	if s.found == nil || time.Since(s.looked) >= s.lasts || first && s.more && s.empty() {
		s.look(ctx)
	}
	if first && s.idle() {
		var waited bool
		if s.woken, waited = s.wakeups.wait(ctx); waited {
			s.look(ctx)
			s.woken = s.woken && !s.idle() // another server may have been first
		}
	}
	return s.found == nil || s.found[pending] > 0
}

// idle reports whether nothing waited when the queues were last looked at.
func (s *scout) idle() bool { return s.found != nil && !s.more && s.empty() }

// empty reports whether all tasks that a look has found are taken.
func (s *scout) empty() bool {
	for _, n := range s.found {
		if n > 0 {
			return false
		}
	}
	return true
}

// took notes that a task was taken. A server that was woken and leaves other tasks
// wakes the next one, for several tasks may have come with one wake-up.
func (s *scout) took(ctx context.Context, pending string) {
	if s.found != nil {
		s.found[pending]--
	}
	if !s.woken {
		return
	}
	s.woken = false
	for _, q := range s.queues {
		if s.found[keysOf(q).pending()] > 0 {
			wake(ctx, s.UniversalClient, map[string]int{q: 1})
			return
		}
	}
}

// look counts the tasks that can be taken; from a queue that is paused, none can. If
// it fails, nothing is known.
func (s *scout) look(ctx context.Context) {
	// Far from Redis, the way there would use up what a look is good for.
	defer func() { s.looked = time.Now() }()
	if s.idle() && !s.woken && s.stillEmpty(ctx) {
		return
	}
	n := len(s.queues)
	lengths, paused, parked := make([]*redis.IntCmd, n), make([]*redis.IntCmd, n), make([]*redis.IntCmd, n)
	_, err := s.Pipelined(ctx, func(p redis.Pipeliner) error {
		if s.woken {
			trimWake(ctx, p, s.wakeups.by)
		}
		for i, q := range s.queues {
			k := keysOf(q)
			lengths[i], paused[i], parked[i] = p.LLen(ctx, k.pending()), p.Exists(ctx, k.paused()), p.HLen(ctx, k.parked())
		}
		return nil
	})
	s.found, s.more = nil, false
	if err != nil {
		return
	}
	s.found = make(map[string]int64, n)
	for i, q := range s.queues {
		ready, waits := lengths[i].Val(), parked[i].Val()
		if paused[i].Val() > 0 || ready+waits == 0 {
			continue
		}
		if waits > 0 && s.empty() { // those behind have time
			filled := s.fill(ctx, q, ready)
			ready, waits = ready+filled, waits-filled
		}
		s.found[keysOf(q).pending()] = ready
		s.more = s.more || waits > 0
	}
}

// fill issues tickets that are parked for a queue while fewer are pending than the server
// has free slots, and returns how many: whose turn it is shows only when a slot is free.
func (s *scout) fill(ctx context.Context, queue string, pending int64) int64 {
	missing := max(1, s.slots-s.inHand.Load()) - pending
	if missing <= 0 {
		return 0
	}
	n, _ := s.client.takeTurns(ctx, queue, int(missing)) // those that failed come again by a watchdog
	return int64(n)
}

// counting counts the tasks that the server has in hand.
func (s *scout) counting(next asynq.Handler) asynq.Handler {
	return asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) error {
		s.inHand.Add(1)
		defer s.inHand.Add(-1)
		return next.ProcessTask(ctx, t)
	})
}

// stillEmpty reports whether the queues are empty, by one command where one server has
// them all.
func (s *scout) stillEmpty(ctx context.Context) bool {
	if _, several := s.UniversalClient.(*redis.ClusterClient); several {
		return false
	}
	keys := make([]string, 0, 2*len(s.queues))
	for _, q := range s.queues {
		keys = append(keys, keysOf(q).pending(), keysOf(q).parked())
	}
	n, err := s.Exists(ctx, keys...).Result()
	return err == nil && n == 0
}
