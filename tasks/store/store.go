// Package store keeps the truth about jobs in Redis: their records, their
// inputs and results, the log of what happened to each, the outbox that reports
// the rest of the system, and the registry of live workers.
//
// Every change of a job's state is one Lua script that changes the record,
// appends the event, feeds the outbox and moves the counters together, so that
// nothing can be half done. A script that writes for a worker takes the number
// of the worker's attempt and refuses the write when the job has moved on. All
// scripts of one job touch one Redis Cluster slot, and are safe to repeat when
// a reply was lost.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// Errors by which a write is refused.
var (
	// ErrStale says that the attempt no longer owns the job: its lease ended
	// and another attempt took over, or the job has ended.
	ErrStale = errors.New("the attempt no longer owns the job")
	// ErrCanceled is the ErrStale of a job that was canceled.
	ErrCanceled = fmt.Errorf("the job was canceled: %w", ErrStale)
)

// Config holds what an installation may choose about its store. It must be the
// same in every process that shares a Redis.
type Config struct {
	Shards    int           // slots that jobs are spread over; 1 unless Redis is a cluster
	Lease     time.Duration // how long a claim lasts without renewal
	Recheck   time.Duration // how often the watchdog checks a queued job's tickets
	Retention time.Duration // how long an ended job is kept
	Quota     int           // jobs that a tenant may have waiting, scheduled or queued; 0: any number
	KeptJobs  int64         // jobs that a tenant may keep, ended ones included; 0: any number
	KeptBytes func() int64  // bytes that may be reserved for them now; nil, or its 0: any number
	Fsync     bool          // a new job is on the disk of Redis before Create returns; needs WAITAOF, of Redis 7.2
}

// DefaultConfig returns the settings that suit one Redis.
func DefaultConfig() Config {
	return Config{Shards: 1, Lease: 8 * time.Second, Recheck: 30 * time.Second, Retention: 7 * 24 * time.Hour}
}

// Store is a handle on the jobs in one Redis. It is safe for concurrent use.
type Store struct {
	rdb redis.UniversalClient
	cfg Config
	hub *hub

	listen  sync.Once    // for jobs that are canceled
	appends atomic.Int64 // calls of Append so far, to distinguish new ones from repeated ones
}

// New returns a Store on rdb, which stays the caller's to close, after the
// Store.
func New(rdb redis.UniversalClient, cfg Config) *Store {
	return &Store{rdb: rdb, cfg: cfg, hub: newHub(rdb)}
}

// Close ends every AwaitEnd and frees the subscription connection; from then on
// no watcher is woken.
func (s *Store) Close() error {
	s.hub.close()
	return nil
}

// Ping reports whether Redis answers.
func (s *Store) Ping(ctx context.Context) error {
	return unavailable(s.rdb.Ping(ctx).Err())
}

// Lease returns how long a claim lasts without renewal.
func (s *Store) Lease() time.Duration { return s.cfg.Lease }

// Retention returns how long an ended job is kept that does not say so itself.
func (s *Store) Retention() time.Duration { return s.cfg.Retention }

// run calls a job script and returns its reply, whose first element is the
// script's verdict.
func (s *Store) run(ctx context.Context, script *redis.Script, id string, args ...any) (string, []any, error) {
	return s.runOn(ctx, script, s.keys(id).all(), append([]any{id}, args...)...)
}

func (s *Store) runOn(ctx context.Context, script *redis.Script, keys []string, args ...any) (string, []any, error) {
	return runOver(ctx, s.rdb, script, keys, args...)
}

// runOver is runOn over a connection of the caller's choice.
func runOver(ctx context.Context, over redis.Scripter, script *redis.Script, keys []string, args ...any) (string, []any, error) {
	reply, err := script.Run(ctx, over, keys, args...).Slice()
	if err != nil {
		return "", nil, unavailable(err)
	}
	if len(reply) == 0 {
		return "", nil, errors.New("a job script returned nothing")
	}
	verdict, ok := reply[0].(string)
	if !ok {
		return "", nil, fmt.Errorf("a job script returned %T for its verdict", reply[0])
	}
	return verdict, reply[1:], nil
}

// write calls a fenced script.
func (s *Store) write(ctx context.Context, script *redis.Script, id string, attempt int, args ...any) error {
	verdict, rest, err := s.run(ctx, script, id, append([]any{attempt}, args...)...)
	switch {
	case err != nil:
		return err
	case verdict == "ok":
		return nil
	case verdict == "stale" && text(rest, 0) == string(tasks.Canceled):
		return ErrCanceled
	case verdict == "stale":
		return ErrStale
	}
	return fmt.Errorf("a job script returned %q", verdict)
}

// unavailable turns an error of the connection to Redis, or of a Redis that cannot
// serve now, into the error that callers may see. A script's own error stays
// what it is: our fault.
func unavailable(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if reply, ok := errors.AsType[redis.Error](err); ok && !cannotServe(reply.Error()) {
		return err
	}
	return tasks.Errorf(tasks.CodeUnavailable, "The job store is unavailable; try again shortly.").WithCause(err)
}

// cannotServe reports whether an error reply of Redis says that it may serve
// the same command later.
func cannotServe(reply string) bool {
	reply = strings.TrimPrefix(reply, "-") // as Redis 6 reports it from within a script
	for _, prefix := range []string{"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "OOM", "MISCONF", "NOREPLICAS", "BUSY", "NOAUTH", "WRONGPASS", "NOPERM", "ERR max number of clients"} {
		if strings.HasPrefix(reply, prefix) {
			return true
		}
	}
	return strings.Contains(reply, "-OOM ") || // as Redis 6 reports it from within a script
		strings.HasPrefix(reply, "ERR The user executing the script can't ") // as Redis 7 reports NOPERM from within one
}

// text returns reply[i] as a string, "" if it is not there.
func text(reply []any, i int) string {
	if i >= len(reply) {
		return ""
	}
	v, _ := reply[i].(string)
	return v
}
