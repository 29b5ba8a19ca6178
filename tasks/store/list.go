package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

const (
	// listBatch is how many jobs a filter looks through at a time.
	listBatch = 200
	// listTime bounds how long a page looks for jobs. A filter that chooses little
	// then gives a page with few or none, and the cursor of the next.
	listTime = 20 * time.Millisecond
	// clockSlack is how far the clock that made a job's ID may be off the one that
	// its times are by.
	clockSlack = 10 * time.Second
)

// List returns a page of a tenant's jobs, the newest first. A page may have less
// than was asked for and still be followed by another: a filter looks through jobs
// for a bounded time. It costs a look at the index and a pipeline or two per 200 jobs
// looked through, however many there are.
func (s *Store) List(ctx context.Context, tenant string, f tasks.JobFilter) (*tasks.JobPage, error) {
	page, before, began := &tasks.JobPage{}, f.Before, time.Now()
	batch := listBatch
	if choosesAll(f) {
		batch = min(batch, f.Limit+1) // there is no need to look through more
	}
	for {
		ids, err := s.listed(ctx, tenant, f, before, batch)
		if err != nil {
			return nil, err
		}
		likely, err := s.likely(ctx, f, ids)
		if err != nil {
			return nil, err
		}
		jobs, err := s.read(ctx, likely)
		if err != nil {
			return nil, err
		}
		for i, id := range likely {
			if jobs[i] == nil || !f.Chooses(jobs[i]) {
				continue
			}
			page.Jobs = append(page.Jobs, jobs[i])
			if len(page.Jobs) == f.Limit {
				page.Next = id
				return page, nil
			}
		}
		if len(ids) < batch {
			return page, nil
		}
		before = ids[len(ids)-1]
		if time.Since(began) > listTime {
			page.Next = before
			return page, nil
		}
	}
}

// listed returns the IDs of the next jobs that may be chosen, the newest first,
// up to n over all shards.
func (s *Store) listed(ctx context.Context, tenant string, f tasks.JobFilter, before string, n int) ([]string, error) {
	within := &redis.ZRangeBy{Min: "-", Max: "+", Count: int64(n)}
	if before != "" {
		within.Max = "(" + before
	}
	if !f.CreatedBefore.IsZero() && before == "" {
		within.Max = "(" + firstID(f.CreatedBefore.Add(clockSlack))
	}
	if !f.CreatedAfter.IsZero() {
		within.Min = "[" + firstID(f.CreatedAfter.Add(-clockSlack))
	}
	var ids []string
	for _, sh := range s.shards() {
		found, err := s.rdb.ZRevRangeByLex(ctx, sh.index(tenant), within).Result()
		if err != nil {
			return nil, fmt.Errorf("list jobs: %w", unavailable(err))
		}
		ids = append(ids, found...)
	}
	if s.cfg.Shards > 1 {
		slices.Sort(ids)
		slices.Reverse(ids)
	}
	return ids[:min(len(ids), n)], nil
}

// firstID is below every ID that is made at a time or later: the time in
// milliseconds is the first 48 bits of a UUID of version 7.
func firstID(at time.Time) string {
	return fmt.Sprintf("job_%012x", max(0, at.UnixMilli()))
}

// read returns the jobs of these IDs, without results; nil for one that is gone.
func (s *Store) read(ctx context.Context, ids []string) ([]*tasks.Job, error) {
	hashes := make([]*redis.MapStringStringCmd, len(ids))
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			hashes[i] = p.HGetAll(ctx, s.keys(id).job())
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read jobs: %w", unavailable(err))
	}
	jobs := make([]*tasks.Job, len(ids))
	for i, h := range hashes {
		if len(h.Val()) == 0 {
			continue
		}
		if jobs[i], err = decode(h.Val()); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

const (
	// forgetBatch is how many forgotten jobs are taken off the lists in one step.
	forgetBatch = 1_000
	// forgetRounds bounds the steps of one round of Trim, per shard: as many jobs
	// as come in within a minute at more than a thousand a second.
	forgetRounds = 100
)

// forget takes the jobs off the lists whose retention is over.
func (s *Store) forget(ctx context.Context, sh shard) error {
	for range forgetRounds {
		n, err := s.forgetSome(ctx, sh)
		if err != nil || n < forgetBatch {
			return err
		}
	}
	return nil
}

// forgetSome takes one batch off the lists, and returns its size.
func (s *Store) forgetSome(ctx context.Context, sh shard) (int, error) {
	over, err := s.rdb.ZRangeByScore(ctx, sh.ended(), &redis.ZRangeBy{
		Min: "-inf", Max: strconv.FormatInt(time.Now().Add(-clockSlack).UnixMilli(), 10), Count: forgetBatch,
	}).Result()
	if err != nil || len(over) == 0 {
		return 0, err
	}
	keys, args := []string{sh.ended(), sh.kept(), sh.sizes()}, make([]any, 0, 3*len(over))
	for _, entry := range over {
		id, tenant, _ := strings.Cut(entry, " ")
		keys, args = append(keys, sh.index(tenant)), append(args, entry, id, tenant)
	}
	n, err := forgetScript.Run(ctx, s.rdb, keys, args...).Int()
	return n, unavailable(err)
}
