package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
)

// Tenants lists the tenants that keep jobs, sorted.
func (s *Store) Tenants(ctx context.Context) ([]string, error) {
	var tenants []string
	cmds, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, sh := range s.shards() {
			p.HKeys(ctx, sh.kept())
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	for _, cmd := range cmds {
		if keys, ok := cmd.(*redis.StringSliceCmd); ok {
			tenants = append(tenants, keys.Val()...)
		}
	}
	slices.Sort(tenants)
	return slices.Compact(tenants), nil
}
