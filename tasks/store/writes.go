package store

import (
	"context"
	"fmt"
	"time"
)

// probeKept is how long the key of a probe stays.
const probeKept = time.Minute

// Writable returns nil if Redis takes writes in every shard: one that only reads
// may answer everything else. Its error is CodeUnavailable while Redis refuses them.
func (s *Store) Writable(ctx context.Context) error {
	for _, sh := range s.shards() {
		if err := s.rdb.Set(ctx, sh.probe(), "", probeKept).Err(); err != nil {
			return fmt.Errorf("write to Redis: %w", unavailable(err))
		}
	}
	return nil
}
