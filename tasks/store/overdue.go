package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Overdue is what a watchdog must do about a job whose due time has come.
type Overdue string

// What a watchdog finds.
const (
	Fresh   Overdue = "fresh"   // nothing: another watchdog or its worker was there first
	Idle    Overdue = "idle"    // it is queued and its tickets may be lost, or its time has come: give it tickets
	Lapsed  Overdue = "lapsed"  // its worker was lost; it is queued again: give it new tickets
	Expired Overdue = "expired" // it is queued past its deadline: end it
)

// Due returns the IDs of up to limit jobs per shard whose due time has come.
func (s *Store) Due(ctx context.Context, limit int64) ([]string, error) {
	now, err := s.rdb.Time(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("read the clock: %w", unavailable(err))
	}
	var ids []string
	for _, sh := range s.shards() {
		part, err := s.rdb.ZRangeByScore(ctx, sh.due(), &redis.ZRangeBy{
			Min: "-inf", Max: strconv.FormatInt(now.UnixMilli(), 10), Count: limit,
		}).Result()
		if err != nil {
			return nil, fmt.Errorf("read due jobs: %w", unavailable(err))
		}
		ids = append(ids, part...)
	}
	return ids, nil
}

// DueIn returns in how long the next job is due, 0 if one is: at most most.
func (s *Store) DueIn(ctx context.Context, most time.Duration) (time.Duration, error) {
	var clock *redis.TimeCmd
	firsts := make([]*redis.ZSliceCmd, 0, s.cfg.Shards)
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		clock = p.Time(ctx)
		for _, sh := range s.shards() {
			firsts = append(firsts, p.ZRangeWithScores(ctx, sh.due(), 0, 0))
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("read the next due job: %w", unavailable(err))
	}
	for _, first := range firsts {
		for _, z := range first.Val() {
			most = min(most, time.UnixMilli(int64(z.Score)).Sub(clock.Val()))
		}
	}
	return max(0, most), nil
}

// Overdue takes one due job for this watchdog and says what to do about it.
// Unless judge is set, no worker is declared lost: its lease may be over only
// because Redis was unavailable.
func (s *Store) Overdue(ctx context.Context, id string, judge bool) (Overdue, error) {
	may := "0"
	if judge {
		may = "1"
	}
	verdict, _, err := s.run(ctx, overdueScript, id, rand.Text(), s.cfg.Recheck.Milliseconds(), s.firstLook().Milliseconds(), may)
	if err != nil {
		return "", fmt.Errorf("look at overdue job: %w", err)
	}
	return Overdue(verdict), nil
}
