package store

import (
	"context"
	"fmt"
)

// recounted is how many open jobs a shard may have for its counters to be compared
// with them: one script reads all of them.
const recounted = 1000

// Recount is what a comparison of the counters with the records has found.
type Recount struct {
	Corrected int // counters that had drifted, by an error in the middle of a script
	Undone    int // jobs some of whose writes have failed, and are tried again when the job changes
}

// Recount compares the counters of open jobs, by state and by tenant, with the records,
// and corrects them. A shard that has more than a thousand open jobs is left for when
// it has fewer.
func (s *Store) Recount(ctx context.Context) (Recount, error) {
	var all Recount
	for _, sh := range s.shards() {
		n, err := recountScript.Run(ctx, s.rdb, []string{sh.due(), sh.counters()}, sh.jobPrefix(), recounted).Int64Slice()
		if err != nil || len(n) != 2 {
			return all, fmt.Errorf("recount jobs: %w", away(err))
		}
		all.Corrected += int(max(n[0], 0))
		all.Undone += int(n[1])
	}
	return all, nil
}
