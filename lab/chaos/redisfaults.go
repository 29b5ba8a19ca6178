//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/topcentral/spillway/lab/history"
)

// deniable are the commands that the user of Spillway's processes may lose for a
// while: those by which its scripts, and asynq's, write. A script that calls one
// ends there, and what it has written before stays.
var deniable = []string{
	"hset", "hdel", "hincrby", "set", "del", "zadd", "zrem", "xadd", "publish",
	"lpush", "rpush", "lrem", "expire", "pexpire", "sadd", "xack", "time", "evalsha",
}

// redisFault is what a fault does to a running Redis: commands that begin it, and
// commands that end it.
type redisFault struct {
	target     string // as it is named in histories
	begin, end [][]any
}

// redisFaultOf returns what a fault does; ok is false for a fault that is not done
// by commands. The number selects among variants. With spareQueues asynq keeps what
// Spillway's scripts are denied: a ticket that is stuck in the middle of a script of
// asynq comes back after a minute or two, which a short run has no time for.
func redisFaultOf(fault history.Fault, n int, spareQueues bool) (f redisFault, ok bool) {
	set := func(name, on, off string) ([][]any, [][]any) {
		return [][]any{{"config", "set", name, on}}, [][]any{{"config", "set", name, off}}
	}
	f.target = "redis"
	switch fault {
	case history.Deny:
		command := deniable[n%len(deniable)]
		f.target = "redis without " + command
		f.begin, f.end = [][]any{{"acl", "setuser", appUser, "-" + command}}, [][]any{{"acl", "setuser", appUser, "+" + command}}
		if spareQueues { // by a selector, of Redis 7
			f.begin[0] = append(f.begin[0], "(+"+command+" ~asynq:*)")
			f.end[0] = append(f.end[0], "clearselectors")
		}
	case history.Mute:
		f.begin, f.end = [][]any{{"acl", "setuser", appUser, "resetchannels"}}, [][]any{{"acl", "setuser", appUser, "&spillway:*", "&asynq:*"}}
	case history.OOM:
		f.begin, f.end = set("maxmemory", "1", "0")
	case history.NoReplicas:
		f.begin, f.end = set("min-replicas-to-write", "1", "0")
	case history.ReadOnly:
		f.begin, f.end = [][]any{{"replicaof", "127.0.0.1", "1"}}, [][]any{{"replicaof", "no", "one"}}
	case history.Misconf: // a snapshot that fails, since a folder is in the file's place
		f.begin = [][]any{{"config", "set", "save", "3600 1000000"}, {"bgsave"}}
		f.end = [][]any{{"config", "set", "save", ""}}
	default:
		return f, false
	}
	return f, true
}

// faultRedis does to Redis what f says, for as long as the step lasts.
func (n *nemesis) faultRedis(ctx context.Context, s step, f redisFault) {
	if !n.command(ctx, f.begin) {
		return // Redis is down, or loads
	}
	undone := n.note(history.Disturbance{Fault: s.fault, Kind: s.kind, Target: f.target, PID: n.w.redis.pid(), From: time.Now()})
	sleep(ctx, s.duration)
	n.restore(ctx, f.end)
	undone()
}

// command sends commands to Redis, and reports whether it took them all.
func (n *nemesis) command(ctx context.Context, commands [][]any) bool {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for _, args := range commands {
		if n.w.rdb.Do(ctx, args...).Err() != nil {
			return false
		}
	}
	return true
}

// restore sends commands to Redis until it takes them. A Redis that was started
// again meanwhile has forgotten the fault, and takes them too.
func (n *nemesis) restore(ctx context.Context, commands [][]any) {
	_ = until(ctx, func() bool { return n.command(ctx, commands) }) // else the run is over
}

// loadDelay makes a starting Redis take its time over each command of its log.
// It answers LOADING meanwhile, after each 1,024 of them.
const loadDelay = "key-load-delay 200\n"

// loadRedis kills Redis and has it load its log for as long as the step lasts,
// or for as long as the log lasts at that pace.
func (n *nemesis) loadRedis(ctx context.Context, s step) {
	p := n.w.redis
	_ = p.restarted(ctx, 0)                                             // one that is down is killed as soon as it is up
	if os.WriteFile(n.w.redisConf(), []byte(loadDelay), 0o600) != nil { //nolint:gosec // a file of our own
		return
	}
	d := history.Disturbance{Fault: s.fault, Kind: s.kind, Target: p.name, From: time.Now()}
	if d.PID = p.signal(syscall.SIGKILL, 0); d.PID != 0 {
		undone := n.note(d)
		defer undone()
		_ = p.restarted(ctx, d.PID) // else the run is over
		sleep(ctx, s.duration)
	}
	_ = os.WriteFile(n.w.redisConf(), nil, 0o600) //nolint:gosec // a file of our own; else the next start is slow, too
	n.restore(ctx, [][]any{{"config", "set", "key-load-delay", "0"}})
	_ = n.w.redisAnswers(ctx) // if it does not, everything after this says so
}

// jumpClock sets Redis's clock ahead or back, and after a while right again.
func (n *nemesis) jumpClock(ctx context.Context, s step) {
	by := time.Duration(1+s.pick/2%maxJump) * time.Second
	if s.pick%2 == 0 {
		by = -by
	}
	if n.w.clock.library == "" || n.w.clock.jump(by) != nil {
		return
	}
	target := fmt.Sprintf("clock of redis by %v", by)
	undone := n.note(history.Disturbance{Fault: s.fault, Kind: s.kind, Target: target, PID: n.w.redis.pid(), From: time.Now()})
	sleep(ctx, s.duration)
	_ = n.w.clock.jump(-by) // the file could be written before
	undone()
}

// maxJump is the farthest that Redis's clock jumps, in seconds.
const maxJump = 12
