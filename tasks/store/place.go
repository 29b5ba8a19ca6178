package store

import (
	"context"
	"math/rand/v2"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// placesLooked is how many places of a shard one round of Trim looks at.
const placesLooked = 1000

// dropPlaces removes the places at which no job waits: its record was deleted by hand,
// or lost, or an earlier version, which knows of one place only, has moved the job.
// Nothing else would ever remove them. It looks at some of them, from a random one
// on, so that over the rounds all get their turn.
func (s *Store) dropPlaces(ctx context.Context, sh shard) error {
	n, err := s.rdb.ZCard(ctx, sh.waiting()).Result()
	if err != nil || n == 0 {
		return err
	}
	from := rand.Int64N(max(1, n-placesLooked+1))
	places, err := s.rdb.ZRange(ctx, sh.waiting(), from, from+placesLooked-1).Result()
	if err != nil || len(places) == 0 {
		return err
	}
	records := make([]*redis.SliceCmd, len(places))
	_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, place := range places {
			id := place[strings.LastIndexByte(place, ':')+1:]
			records[i] = p.HMGet(ctx, s.keys(id).job(), "state", "place")
		}
		return nil
	})
	if err != nil {
		return err
	}
	var lost []any
	for i, record := range records {
		// It is so for good: a job never waits twice since the same time.
		if !waitsAt(places[i], text(record.Val(), 0), text(record.Val(), 1)) {
			lost = append(lost, places[i])
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return s.rdb.ZRem(ctx, sh.waiting(), lost...).Err()
}

// waitsAt reports whether a job with these fields waits at a place: by its queue, as the
// field place says, or by its agent on the same lane since the same time.
func waitsAt(at, state, place string) bool {
	if state != string(tasks.Queued) || place == "" {
		return false
	}
	queue, since, _ := strings.Cut(place, ":")
	lane, _, _ := strings.Cut(queue, ".")
	marked, ok := strings.CutSuffix(at, ":"+since)
	return at == place || ok && strings.HasPrefix(marked, lane+"/")
}
