package store

import (
	"time"

	"github.com/topcentral/spillway/tasks"
)

// quotaRetry is when a tenant whose quota is used up is asked to come back: jobs
// that start make room, and take seconds each.
const quotaRetry = 10 * time.Second

// quota is the number of jobs that a tenant may have waiting in one shard, 0 for
// any number. A script sees its own shard only, and jobs are spread evenly, so
// each shard gets an equal share of the whole.
func (s *Store) quota() int {
	return (s.cfg.Quota + s.cfg.Shards - 1) / s.cfg.Shards
}

func (s *Store) quotaExceeded(tenant string) *tasks.Error {
	return tasks.Errorf(tasks.CodeQuota, "The tenant %s has %d jobs waiting, which is all it may have; come back after the seconds in Retry-After.",
		tenant, s.cfg.Quota).WithRetryAfter(quotaRetry)
}
