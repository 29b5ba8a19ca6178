package redisconn

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// subscribeTime is how long a subscription of a probe may take to be confirmed.
const subscribeTime = time.Second

// Denied returns what the user of a client may not do of what Spillway needs: names
// of commands, and patterns of keys and channels, as they are written in an ACL rule.
// It tries each, on keys of its own that it removes, since ACL DRYRUN needs a
// permission that few users have. The queues' keys begin with queues.
func Denied(ctx context.Context, rdb redis.UniversalClient, queues string) ([]string, error) {
	var denied []string
	for _, pattern := range []string{"spillway:", queues} {
		err := rdb.Get(ctx, pattern+"{probe}:string").Err()
		if isDenied(err) && strings.Contains(err.Error(), "key") {
			denied = append(denied, "~"+pattern+"*")
		} else if err != nil && !isDenied(err) && !errors.Is(err, redis.Nil) {
			return nil, err
		}
		if err := rdb.Publish(ctx, pattern+"probe", "").Err(); isDenied(err) && strings.Contains(err.Error(), "channel") {
			denied = append(denied, "&"+pattern+"*")
		}
	}
	if slices.Contains(denied, "~spillway:*") {
		return denied, nil // no command can be tried
	}
	cmds, _ := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, args := range trials {
			p.Do(ctx, args...)
		}
		return nil
	})
	for _, cmd := range cmds {
		if isDenied(cmd.Err()) && !strings.Contains(cmd.Err().Error(), "channel") {
			denied = append(denied, "+"+strings.ToLower(cmd.Name()))
		}
	}
	_, err := rdb.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Get(ctx, "spillway:{probe}:string"); return nil })
	if isDenied(err) {
		denied = append(denied, "+multi", "+exec")
	}
	if !slices.Contains(denied, "&spillway:*") {
		wait, cancel := context.WithTimeout(ctx, subscribeTime)
		defer cancel()
		sub := rdb.Subscribe(wait, "spillway:probe")
		defer sub.Close() //nolint:errcheck // it only asked
		if _, err := sub.Receive(wait); isDenied(err) {
			denied = append(denied, "+subscribe")
		} else if err == nil {
			_ = sub.Unsubscribe(wait, "spillway:probe")
			if _, err := sub.Receive(wait); isDenied(err) {
				denied = append(denied, "+unsubscribe")
			}
		}
	}
	slices.Sort(denied)
	return slices.Compact(denied), nil
}

func isDenied(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), "NOPERM")
}

// trials are commands as Spillway and asynq use them. What they write is removed
// by the last one, and expires if that is denied.
var trials = trialsOn("spillway:{probe}:")

func trialsOn(prefix string) [][]any {
	str, hash, list, set, zset, stream := prefix+"string", prefix+"hash", prefix+"list", prefix+"set", prefix+"zset", prefix+"stream"
	return [][]any{
		{"time"},
		{"scan", 0, "match", prefix + "*", "count", 1},
		{"setex", str, 60, "1"},
		{"set", str, "1", "px", 60000},
		{"get", str},
		{"mget", str},
		{"exists", str},
		{"incr", str},
		{"expire", str, 60},
		{"expireat", str, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()},
		{"pexpire", str, 60000},
		{"pexpireat", str, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()},
		{"persist", str},
		{"hset", hash, "f", "1"},
		{"hsetnx", hash, "f", "1"},
		{"hincrby", hash, "f", 1},
		{"hget", hash, "f"},
		{"hmget", hash, "f"},
		{"hgetall", hash},
		{"hexists", hash, "f"},
		{"hlen", hash},
		{"hdel", hash, "f"},
		{"lpush", list, "a"},
		{"rpush", list, "a"},
		{"lrange", list, 0, -1},
		{"lindex", list, 0},
		{"llen", list},
		{"lpos", list, "a"},
		{"ltrim", list, 0, 1},
		{"lrem", list, 0, "a"},
		{"rpoplpush", list, list},
		{"rpop", list},
		{"sadd", set, "a"},
		{"smembers", set},
		{"sismember", set, "a"},
		{"srem", set, "a"},
		{"zadd", zset, 0, "a"},
		{"zscore", zset, "a"},
		{"zcard", zset},
		{"zrange", zset, 0, 0},
		{"zrangebyscore", zset, 0, 0},
		{"zrangebylex", zset, "-", "+"},
		{"zrevrange", zset, 0, 0},
		{"zrevrangebylex", zset, "+", "-"},
		{"zlexcount", zset, "-", "+"},
		{"zremrangebyscore", zset, 0, 0},
		{"zremrangebyrank", zset, 0, 0},
		{"zrem", zset, "a"},
		{"xadd", stream, "*", "f", "v"},
		{"xrange", stream, "-", "+", "count", 1},
		{"xrevrange", stream, "+", "-", "count", 1},
		{"xread", "count", 1, "streams", stream, "0"},
		{"xgroup", "create", stream, "g", "$"},
		{"xreadgroup", "group", "g", "c", "count", 1, "streams", stream, ">"},
		{"xautoclaim", stream, "g", "c", 1000, "0"},
		{"xack", stream, "g", "1-0"},
		{"xpending", stream, "g"},
		{"xinfo", "groups", stream},
		{"xtrim", stream, "maxlen", 0},
		{"xdel", stream, "1-0"},
		{"publish", "spillway:probe", ""},
		{"eval", "return 1", 1, str},
		{"evalsha", strings.Repeat("0", 40), 1, str},
		{"del", str, hash, list, set, zset, stream},
	}
}
