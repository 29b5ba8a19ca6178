package queue

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// upkeepLasts is how long what a look at the sets has found is good for: a round of one
// of asynq's loops.
const upkeepLasts = 200 * time.Millisecond

// upkeepScript is a script that asynq runs again and again for each queue of each
// server, whether there is something to do or not.
type upkeepScript int

const (
	notUpkeep     upkeepScript = iota
	forwardDue                 // makes what has fallen due pending; returns how many tasks
	listExpired                // lists the tasks whose lease is over
	forgetDone                 // deletes what was kept for long enough; returns how many tasks
	reclaimGroups              // repairs groups of tasks, which we do not use
)

// upkeepOf returns which upkeep the script with these keys does, and on what set, whose
// scores are times.
func upkeepOf(keys []string) (script upkeepScript, set string) {
	name, kind, ok := strings.Cut(keys[0], "}:")
	if !ok || len(keys) > 2 {
		return notUpkeep, ""
	}
	k := queueKeys(name + "}:")
	switch {
	case len(keys) == 2 && (keys[0] == k.scheduled() || keys[0] == k.retry()) && keys[1] == k.pending():
		return forwardDue, keys[0]
	case len(keys) == 2:
		return notUpkeep, ""
	case keys[0] == k.lease():
		return listExpired, keys[0]
	case keys[0] == k.completed():
		return forgetDone, keys[0]
	case kind == "aggregation_sets":
		return reclaimGroups, keys[0]
	}
	return notUpkeep, ""
}

// nothingDone is what the script answers when there was nothing to do.
func (s upkeepScript) nothingDone(ctx context.Context) *redis.Cmd {
	reply := redis.NewCmd(ctx)
	if s == listExpired {
		reply.SetVal([]any{})
	} else {
		reply.SetVal(int64(0))
	}
	return reply
}

// keeper is the connection of the server that does the upkeep of all queues, takes no
// task, and is of no interest to inspectors. It asks which sets hold anything by one command for all queues, and runs a
// script only for what is due.
type keeper struct {
	redis.UniversalClient

	mu     sync.Mutex
	looked time.Time
	next   map[string]float64 // the least time in each set that holds any, in Unix seconds, by key; nil: not known
}

// EvalSha runs a script, unless it would take a task or do what is not due.
func (k *keeper) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	if takes(keys) {
		return noTask(ctx)
	}
	if says(keys, args) {
		return written(ctx)
	}
	script, set := upkeepOf(keys)
	if script == reclaimGroups || script != notUpkeep && !k.due(ctx, set, args) {
		return script.nothingDone(ctx)
	}
	reply := k.UniversalClient.EvalSha(ctx, sha1, keys, args...)
	if n, err := reply.Int(); script == forwardDue && err == nil && n > 0 {
		queue, _, _ := strings.Cut(strings.TrimPrefix(keys[1], asynqKeys+"{"), "}")
		wake(ctx, k.UniversalClient, map[string]int{queue: n})
	}
	return reply
}

// ZAdd adds members to a set, unless they are the server itself.
func (k *keeper) ZAdd(ctx context.Context, key string, members ...redis.Z) *redis.IntCmd {
	if key == serversKey || key == atWorkKey {
		return redis.NewIntCmd(ctx)
	}
	return k.UniversalClient.ZAdd(ctx, key, members...)
}

// due reports whether a set may hold something of the time that is a script's first
// argument, or before.
func (k *keeper) due(ctx context.Context, set string, args []any) bool {
	until, ok := args[0].(int64)
	if !ok {
		return true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.looked) >= upkeepLasts {
		k.look(ctx)
		k.looked = time.Now()
	}
	first, holds := k.next[set]
	return k.next == nil || holds && first <= float64(until)
}

// look notes which sets hold anything, and what is due first.
func (k *keeper) look(ctx context.Context) {
	if _, several := k.UniversalClient.(*redis.ClusterClient); several || k.next == nil {
		k.read(ctx, upkeepSets())
		return
	}
	n, err := k.Exists(ctx, upkeepSets()...).Result()
	if err != nil {
		k.next = nil
		return
	}
	if n == 0 {
		clear(k.next)
		return
	}
	// Those that held something before are all, unless one is empty now.
	if held := len(k.next); int(n) == held {
		sets := make([]string, 0, held)
		for set := range k.next {
			sets = append(sets, set)
		}
		if k.read(ctx, sets); len(k.next) == held {
			return
		}
	}
	k.read(ctx, upkeepSets())
}

// read reads what is due first of some sets, and forgets the others.
func (k *keeper) read(ctx context.Context, sets []string) {
	firsts := make([]*redis.ZSliceCmd, len(sets))
	_, err := k.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, set := range sets {
			firsts[i] = p.ZRangeWithScores(ctx, set, 0, 0)
		}
		return nil
	})
	k.next = nil
	if err != nil {
		return
	}
	k.next = map[string]float64{}
	for i, set := range sets {
		if z := firsts[i].Val(); len(z) > 0 {
			k.next[set] = z[0].Score
		}
	}
}

// upkeepSets lists the sets of all queues whose scores are times.
func upkeepSets() []string {
	var sets []string
	for _, q := range All() {
		k := keysOf(q)
		sets = append(sets, k.scheduled(), k.retry(), k.lease(), k.completed())
	}
	return sets
}
