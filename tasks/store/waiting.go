package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// Queued is how many jobs wait in one queue, and for how long.
type Queued struct {
	Jobs   int
	Oldest time.Duration // how long the oldest of them has waited; 0: none waits
}

// AgentQueue names the jobs of an agent that wait for a lane first.
type AgentQueue struct {
	Lane  tasks.Lane // or SharedLane
	Agent string     // "": one that was not asked for
}

// SharedLane is the lane of jobs that wait for an equal job's result.
const SharedLane tasks.Lane = "shared"

// JobQueues lists the queues in which jobs can wait: "local.high.first" for those
// that wait for the local lane first, and so on for every lane and line.
func JobQueues() []string {
	var all []string
	for _, lane := range append(tasks.Lanes(), SharedLane) {
		for _, p := range tasks.Priorities() {
			for _, c := range tasks.Complexities() {
				all = append(all, string(lane)+"."+tasks.Line(c, p))
			}
		}
	}
	return all
}

// Queued counts the jobs that wait in queues ("local.high.first"), by the lane they
// wait for first. It counts jobs: a queue's tickets also outlive theirs.
func (s *Store) Queued(ctx context.Context, queues []string) (map[string]Queued, error) {
	prefixes := make([]string, len(queues))
	for i, q := range queues {
		prefixes[i] = q + ":"
	}
	counts, err := s.countWaiting(ctx, prefixes)
	if err != nil {
		return nil, err
	}
	all := make(map[string]Queued, len(queues))
	for i, q := range queues {
		all[q] = counts[i]
	}
	return all, nil
}

// QueuedByAgent counts the waiting jobs by lane and agent. Those of agents that are
// not named are summed up. It costs two commands for each lane, agent and shard, in
// one round trip, however many jobs wait.
func (s *Store) QueuedByAgent(ctx context.Context, agents []string) (map[AgentQueue]Queued, error) {
	var keys []AgentQueue
	var prefixes []string
	for _, lane := range append(tasks.Lanes(), SharedLane) {
		keys, prefixes = append(keys, AgentQueue{Lane: lane}), append(prefixes, string(lane)+"/")
		for _, agent := range agents {
			keys, prefixes = append(keys, AgentQueue{lane, agent}), append(prefixes, string(lane)+"/"+agent+":")
		}
	}
	counts, err := s.countWaiting(ctx, prefixes)
	if err != nil {
		return nil, err
	}
	all := make(map[AgentQueue]Queued, len(keys))
	for i, k := range keys {
		all[k] = counts[i]
		if k.Agent != "" { // the sum of all comes before those of each
			rest := all[AgentQueue{Lane: k.Lane}]
			rest.Jobs -= counts[i].Jobs
			all[AgentQueue{Lane: k.Lane}] = rest
		}
	}
	for k, q := range all {
		if k.Agent == "" && q.Jobs <= 0 {
			delete(all, k)
		}
	}
	return all, nil
}

// countWaiting counts the places with each of these prefixes. The oldest place is
// the first one of its prefix, if that ends where the time begins; else the time of
// the oldest is not known.
func (s *Store) countWaiting(ctx context.Context, prefixes []string) ([]Queued, error) {
	var clock *redis.TimeCmd
	counts := make([]*redis.IntCmd, 0, len(prefixes)*s.cfg.Shards)
	firsts := make([]*redis.StringSliceCmd, 0, len(prefixes)*s.cfg.Shards)
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		clock = p.Time(ctx)
		for _, prefix := range prefixes {
			from, to := "["+prefix, "("+after(prefix)
			for _, sh := range s.shards() {
				counts = append(counts, p.ZLexCount(ctx, sh.waiting(), from, to))
				firsts = append(firsts, p.ZRangeByLex(ctx, sh.waiting(), &redis.ZRangeBy{Min: from, Max: to, Count: 1}))
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count waiting jobs: %w", unavailable(err))
	}
	all := make([]Queued, len(prefixes))
	for i, c := range counts {
		q := &all[i/s.cfg.Shards]
		q.Jobs += int(c.Val())
		if first := firsts[i].Val(); len(first) > 0 {
			q.Oldest = max(q.Oldest, waitOf(first[0], prefixes[i/s.cfg.Shards], clock.Val()))
		}
	}
	return all, nil
}

// after returns the least text that is greater than all that begin with prefix.
func after(prefix string) string {
	last := len(prefix) - 1
	return prefix[:last] + string(prefix[last]+1)
}

// waitOf returns how long the job at a place has waited.
func waitOf(place, prefix string, now time.Time) time.Duration {
	since, _, _ := strings.Cut(strings.TrimPrefix(place, prefix), ":")
	ms, err := strconv.ParseInt(since, 10, 64)
	if err != nil {
		return 0
	}
	return max(0, now.Sub(time.UnixMilli(ms)))
}

// SortAgentQueues returns the keys of such counts, sorted by lane and agent.
func SortAgentQueues(all map[AgentQueue]Queued) []AgentQueue {
	keys := make([]AgentQueue, 0, len(all))
	for k := range all {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b AgentQueue) int {
		return cmp.Or(cmp.Compare(a.Lane, b.Lane), cmp.Compare(a.Agent, b.Agent))
	})
	return keys
}
