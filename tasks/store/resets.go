package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// resetsKept is how long a reset is kept. Workers learn of it within a heartbeat.
const resetsKept = time.Hour

// ResetProvider asks every worker to try a provider again at once, whatever kept
// them from it.
func (s *Store) ResetProvider(ctx context.Context, provider string) error {
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, resetsKey, provider, rand.Text())
		p.Expire(ctx, resetsKey, resetsKept)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reset provider %s: %w", provider, unavailable(err))
	}
	return nil
}

// Resets returns a word for each provider that was reset of late. A word that
// differs from the one seen before is a new reset.
func (s *Store) Resets(ctx context.Context) (map[string]string, error) {
	words, err := s.rdb.HGetAll(ctx, resetsKey).Result()
	if err != nil {
		return nil, fmt.Errorf("read resets of providers: %w", unavailable(err))
	}
	return words, nil
}
