package store

import (
	"fmt"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// quotaRetry is when a tenant whose quota is used up may try again: jobs
// that start make room, and take seconds each.
const quotaRetry = 10 * time.Second

// quota is the number of jobs that a tenant may have waiting in one shard, 0 for
// any number. A script sees its own shard only, and jobs are spread evenly, so
// each shard gets an equal share of the whole.
func (s *Store) quota() int {
	return int(s.perShard(int64(s.cfg.Quota)))
}

// perShard is the share that one shard has of a quota, rounded up.
func (s *Store) perShard(quota int64) int64 {
	return (quota + int64(s.cfg.Shards) - 1) / int64(s.cfg.Shards)
}

const (
	// jobOverhead is what is reserved for a job in addition to what it is made with: its
	// record, its log, its result, its place in the lists.
	jobOverhead = 16 << 10
	// keptRetry is when a tenant that keeps too much is asked to come back: once a
	// minute the jobs are forgotten whose retention is over.
	keptRetry = time.Minute
)

// keptBytes is how many bytes of jobs a tenant may keep now, 0 for any number.
func (s *Store) keptBytes() int64 {
	if s.cfg.KeptBytes == nil {
		return 0
	}
	return s.cfg.KeptBytes()
}

// reservation is what a job that is made with these arguments takes of its
// tenant's quota of bytes, until it is forgotten.
func reservation(args []any, known answer) int {
	size := jobOverhead + len(known.Output)
	for _, a := range args {
		switch a := a.(type) {
		case string:
			size += len(a)
		case []byte:
			size += len(a)
		}
	}
	return size
}

func (s *Store) keptExceeded(tenant, which string) *tasks.Error {
	quota := fmt.Sprintf("%d jobs (SPILLWAY_KEPT_JOBS)", s.cfg.KeptJobs)
	if which == "bytes" {
		quota = fmt.Sprintf("%d MiB of jobs (SPILLWAY_KEPT_BYTES)", s.keptBytes()>>20)
	}
	return tasks.Errorf(tasks.CodeQuota, "The tenant %s keeps %s, which is all it may keep; new jobs are taken again when the retention of old ones is over. Submit with a shorter retention, or ask the operator for more.",
		tenant, quota).WithRetryAfter(keptRetry)
}

func (s *Store) quotaExceeded(tenant string) *tasks.Error {
	return tasks.Errorf(tasks.CodeQuota, "The tenant %s has %d jobs waiting, which is all it may have; come back after the seconds in Retry-After.",
		tenant, s.cfg.Quota).WithRetryAfter(quotaRetry)
}
