package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// KeepMask keeps the sealed map of a job's masked values. It is forgotten when
// the job would be that ended at its deadline.
func (s *Store) KeepMask(ctx context.Context, j *tasks.Job, sealed []byte) error {
	keep := max(time.Until(j.Deadline), time.Second) + j.Retention.Std()
	if err := s.rdb.Set(ctx, s.keys(j.ID).mask(), sealed, keep).Err(); err != nil {
		return fmt.Errorf("keep the sealed map: %w", unavailable(err))
	}
	return nil
}

// Mask returns the sealed map of a job's masked values, nil when there is none.
func (s *Store) Mask(ctx context.Context, id string) ([]byte, error) {
	sealed, err := s.rdb.Get(ctx, s.keys(id).mask()).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the sealed map: %w", unavailable(err))
	}
	return sealed, nil
}
