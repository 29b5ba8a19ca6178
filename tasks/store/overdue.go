package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
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

// recentlyDue is for how long a job has just fallen due.
const recentlyDue = 5 * time.Second

// Due returns the IDs of up to limit jobs per shard whose due time has come, those first that
// are due for longest. Where more are due, a quarter of them are jobs that have just fallen
// due: they do not wait for all that became due at once when a lane died.
func (s *Store) Due(ctx context.Context, limit int64) ([]string, error) {
	now, err := s.rdb.Time(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("read the clock: %w", unavailable(err))
	}
	var ids []string
	for _, sh := range s.shards() {
		part, err := s.dueBetween(ctx, sh, "-inf", now, limit)
		if err != nil {
			return nil, err
		}
		if int64(len(part)) == limit {
			from := strconv.FormatInt(now.Add(-recentlyDue).UnixMilli(), 10)
			recent, err := s.dueBetween(ctx, sh, from, now, limit/4)
			if err != nil {
				return nil, err
			}
			oldest := part[:int(limit)-len(recent)]
			recent = slices.DeleteFunc(recent, func(id string) bool { return slices.Contains(oldest, id) })
			part = slices.Concat(oldest, recent)
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

func (s *Store) dueBetween(ctx context.Context, sh shard, from string, now time.Time, limit int64) ([]string, error) {
	ids, err := s.rdb.ZRangeByScore(ctx, sh.due(), &redis.ZRangeBy{
		Min: from, Max: strconv.FormatInt(now.UnixMilli(), 10), Count: limit,
	}).Result()
	if err != nil {
		return nil, fmt.Errorf("read due jobs: %w", unavailable(err))
	}
	return ids, nil
}

// Overdue takes one due job for this watchdog and says what to do about it.
// Unless judge is set, no worker is declared lost: its lease may be over only
// because Redis was unavailable. A job that gets tickets is looked at again after recheck, or
// as configured if that is longer.
func (s *Store) Overdue(ctx context.Context, id string, judge bool, recheck time.Duration) (Overdue, error) {
	may := "0"
	if judge {
		may = "1"
	}
	verdict, _, err := s.run(ctx, overdueScript, id, rand.Text(), max(recheck, s.cfg.Recheck).Milliseconds(), s.firstLook().Milliseconds(), may)
	if err != nil {
		return "", fmt.Errorf("look at overdue job: %w", err)
	}
	return Overdue(verdict), nil
}
