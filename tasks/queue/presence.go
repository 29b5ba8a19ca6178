package queue

import (
	"context"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// asynq's heartbeat: what each server says of itself, for inspectors.
const (
	serversKey = "asynq:servers" // zset: servers, by when what they say expires
	atWorkKey  = "asynq:workers" // zset: the same, for their tasks in hand
)

const (
	// idleStateEvery is how often an idle server says that it is there; asynq would have
	// it do so every five seconds. Leases are not part of this.
	idleStateEvery = 20 * time.Second
	// idleStateKept is for how long that counts.
	idleStateKept = 30 * time.Second
)

// presence stands between a server's heartbeat and Redis. A server that has no task in
// hand says so more rarely, and in one round trip. Only the goroutine of asynq's
// heartbeat uses it.
type presence struct {
	members map[string]redis.Z // what is to be added to a set, by the set's key
	said    time.Time          // when an idle server last said so; zero: it was at work since
}

// holds keeps back an addition to one of the sets until the state follows, and reports
// whether it has.
func (p *presence) holds(key string, members []redis.Z) bool {
	if key != serversKey && key != atWorkKey || len(members) != 1 {
		return false
	}
	if p.members == nil {
		p.members = map[string]redis.Z{}
	}
	p.members[key] = members[0]
	return true
}

// says reports whether these are the script's that writes a server's state.
func says(keys []string, args []any) bool {
	return len(keys) == 2 && len(args) >= 2 && strings.HasPrefix(keys[0], serversKey+":{")
}

// write writes a server's state, unless an idle server has done so a while ago.
func (p *presence) write(ctx context.Context, rdb redis.UniversalClient, sha1 string, keys []string, args []any) *redis.Cmd {
	idle := len(args) == 2 // how long it counts, and what the server is
	if !idle {
		p.said = time.Time{}
	} else {
		if time.Since(p.said) < idleStateEvery {
			return written(ctx)
		}
		p.said = time.Now()
		args = []any{idleStateKept.Seconds(), args[1]}
	}
	var reply *redis.Cmd
	_, _ = rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error { // the reply has its own error
		for key, z := range p.members {
			if idle {
				z.Score = float64(p.said.Add(idleStateKept).Unix())
			}
			pipe.ZAdd(ctx, key, z)
		}
		reply = pipe.EvalSha(ctx, sha1, keys, args...)
		return nil
	})
	if reply.Err() != nil {
		p.said = time.Time{}
	}
	return reply
}

// written is what the script answers that writes a server's state.
func written(ctx context.Context) *redis.Cmd {
	reply := redis.NewCmd(ctx)
	reply.SetVal("OK")
	return reply
}
