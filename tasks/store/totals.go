package store

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// Totals is what has become of all jobs.
type Totals struct {
	Now         map[tasks.State]int64      // how many are in each state that a run has yet to leave
	Entered     map[tasks.State]int64      // how often each state was entered
	Given       map[tasks.AnsweredBy]int64 // how many got a result that needed no call, by cache or fast path
	Degraded    int64                      // how many were answered by the last resort
	SavedCost   tasks.Money                // of calls that the cache has made needless
	SavedTokens int64                      // and their tokens
}

// Names of counters.
const (
	countNow         = "now:"
	countTotal       = "total:"
	countDegraded    = countTotal + "degraded"
	countSavedCost   = "saved:picodollars"
	countSavedTokens = "saved:tokens"
)

// Totals reads the counters of all shards in one round trip. Unlike [Store.Counters]
// it does not read those of tenants, of which there may be many.
func (s *Store) Totals(ctx context.Context) (*Totals, error) {
	t := &Totals{Now: map[tasks.State]int64{}, Entered: map[tasks.State]int64{}, Given: map[tasks.AnsweredBy]int64{}}
	names := []string{countDegraded, countSavedCost, countSavedTokens}
	add := []func(int64){
		func(n int64) { t.Degraded += n }, func(n int64) { t.SavedCost += tasks.Money(n) }, func(n int64) { t.SavedTokens += n },
	}
	for _, state := range tasks.States() {
		names = append(names, countTotal+string(state))
		add = append(add, func(n int64) { t.Entered[state] += n })
		if !state.Terminal() {
			names = append(names, countNow+string(state))
			add = append(add, func(n int64) { t.Now[state] += n })
		}
	}
	for _, by := range []tasks.AnsweredBy{tasks.ByCache, tasks.ByFastPath} {
		names = append(names, countTotal+string(by))
		add = append(add, func(n int64) { t.Given[by] += n })
	}
	shards := make([]*redis.SliceCmd, s.cfg.Shards)
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, sh := range s.shards() {
			shards[i] = p.HMGet(ctx, sh.counters(), names...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read counters: %w", unavailable(err))
	}
	for _, values := range shards {
		for i, add := range add {
			n, err := strconv.ParseInt(cmp.Or(text(values.Val(), i), "0"), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("read counter %s: %w", names[i], err)
			}
			add(n)
		}
	}
	return t, nil
}
