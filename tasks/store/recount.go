package store

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

const (
	// recountEvery is how often, among all workers, the counters are compared.
	recountEvery = 10 * time.Minute
	// recountJobs is how many jobs of a shard are read at most, in one step of some
	// ten milliseconds.
	recountJobs = 5000
)

// Recounted is what a comparison of the counters with the jobs has found.
type Recounted struct {
	// Undone is how many jobs have writes that Redis refused after the job itself
	// was written. Each is tried again by the next script of the job.
	Undone int
	// Corrected has the counters that were wrong, and by how much.
	Corrected map[string]int64
}

// Recount compares the counters of all shards with their jobs, and corrects them. A
// counter drifts when Redis refuses two writes of one script. A shard with too
// many jobs to read at once is left for a quieter time.
func (s *Store) Recount(ctx context.Context) (Recounted, error) {
	all := Recounted{Corrected: map[string]int64{}}
	for _, sh := range s.shards() {
		if err := s.recount(ctx, sh, &all); err != nil {
			return all, fmt.Errorf("compare the counters: %w", unavailable(err))
		}
	}
	return all, nil
}

// RecountDue is Recount, unless a worker has done so lately.
func (s *Store) RecountDue(ctx context.Context) (Recounted, error) {
	all := Recounted{Corrected: map[string]int64{}}
	for _, sh := range s.shards() {
		due, err := s.rdb.SetNX(ctx, sh.recounted(), "", recountEvery).Result()
		if err == nil && due {
			err = s.recount(ctx, sh, &all)
		}
		if err != nil {
			return all, fmt.Errorf("compare the counters: %w", unavailable(err))
		}
	}
	return all, nil
}

func (s *Store) recount(ctx context.Context, sh shard, all *Recounted) error {
	keys := []string{sh.due(), sh.counters(), sh.kept(), sh.sizes()}
	reply, err := recountScript.Run(ctx, s.rdb, keys, sh.job(""), sh.index(""), recountJobs).Slice()
	if err != nil {
		return err
	}
	undone, _ := reply[0].(int64)
	all.Undone += int(undone)
	for i := 1; i+1 < len(reply); i += 2 {
		n, err := strconv.ParseInt(text(reply, i+1), 10, 64)
		if err != nil {
			return fmt.Errorf("read counter: %w", err)
		}
		all.Corrected[text(reply, i)] += n
	}
	return nil
}
