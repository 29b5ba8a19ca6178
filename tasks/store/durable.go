package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// diskWait is how long a write may take to reach the disk before its caller is
// answered that it is not known to be there. It is below the read timeout of an
// API's client, which would otherwise cut the wait short.
const diskWait = 1500 * time.Millisecond

// runDurably is runOn for what must not be acknowledged before it is safe: if
// the config asks for it, it waits until the server has written it to disk.
func (s *Store) runDurably(ctx context.Context, script *redis.Script, keys []string, args ...any) (string, []any, error) {
	if !s.cfg.Fsync {
		return s.runOn(ctx, script, keys, args...)
	}
	conn, err := s.connTo(ctx, keys[0]) // Redis waits for the writes of one connection
	if err != nil {
		return "", nil, unavailable(err)
	}
	defer conn.Close() //nolint:errcheck // it goes back to its pool
	verdict, rest, err := runOver(ctx, conn, script, keys, args...)
	if moved(err) {
		return "", nil, tasks.Errorf(tasks.CodeUnavailable, "the job store is moving its data; try again shortly").WithCause(err)
	}
	if err != nil {
		return "", nil, err
	}
	return verdict, rest, awaitDisk(ctx, conn)
}

// confirm makes sure that a key's value is on disk, if the config asks for it: a
// caller that gets this answer sends its request again. It writes
// the value once more, for Redis waits for the writes of one connection, and
// writes to disk in order.
func (s *Store) confirm(ctx context.Context, key, value string) error {
	if !s.cfg.Fsync {
		return nil
	}
	conn, err := s.connTo(ctx, key)
	if err != nil {
		return unavailable(err)
	}
	defer conn.Close() //nolint:errcheck // it goes back to its pool
	if err := conn.SetArgs(ctx, key, value, redis.SetArgs{Mode: "XX", KeepTTL: true}).Err(); err != nil && !errors.Is(err, redis.Nil) {
		return unavailable(err)
	}
	return awaitDisk(ctx, conn)
}

// connTo returns a connection of its own to the server that has a key.
func (s *Store) connTo(ctx context.Context, key string) (*redis.Conn, error) {
	switch rdb := s.rdb.(type) {
	case *redis.ClusterClient:
		server, err := rdb.MasterForKey(ctx, key)
		if err != nil {
			return nil, err
		}
		return server.Conn(), nil
	case interface{ Conn() *redis.Conn }:
		return rdb.Conn(), nil
	}
	return nil, fmt.Errorf("a %T has no connections to wait on", s.rdb)
}

// awaitDisk waits until what was written over conn is on the server's disk.
func awaitDisk(ctx context.Context, conn *redis.Conn) error {
	reply, err := conn.Do(ctx, "WAITAOF", 1, 0, diskWait.Milliseconds()).Int64Slice()
	if err == nil && (len(reply) == 0 || reply[0] < 1) {
		err = errors.New("the disk of Redis did not keep up")
	}
	if err != nil {
		return tasks.Errorf(tasks.CodeUnavailable, "the job store cannot confirm that the job is on disk; try again shortly").WithCause(err)
	}
	return nil
}

// moved reports whether a server says that another one has the key now. The
// client's picture of the cluster is then a few seconds behind.
func moved(err error) bool {
	reply, ok := errors.AsType[redis.Error](err)
	return ok && (strings.HasPrefix(reply.Error(), "MOVED ") || strings.HasPrefix(reply.Error(), "ASK "))
}
