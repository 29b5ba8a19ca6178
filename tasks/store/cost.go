package store

import (
	"context"

	"github.com/topcentral/spillway/tasks"
)

// Spend notes what all calls of an attempt have cost so far, so that the job
// holds what it has cost in all: also by attempts that were cut, and by those
// whose records it no longer keeps. ErrStale when the job is no longer kept.
func (s *Store) Spend(ctx context.Context, id string, attempt int, sofar tasks.Money) error {
	return s.write(ctx, spendScript, id, attempt, int64(sofar))
}
