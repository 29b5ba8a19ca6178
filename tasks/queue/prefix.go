package queue

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/redis/go-redis/v9"
)

// asynqKeys is what the names of asynq's keys begin with, and cannot be changed.
const asynqKeys = "asynq:"

// Prefix is put before the names of all queues' keys, so that another application
// that uses asynq, or asynq's own queues of the same names, can share a Redis
// database. The zero Prefix puts nothing there.
type Prefix string

var prefixForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$`)

// UnmarshalText reads a prefix: up to 32 letters, digits, dots, dashes and
// underscores, the first a letter or a digit.
func (p *Prefix) UnmarshalText(text []byte) error {
	if s := string(text); s != "" && (!prefixForm.MatchString(s) || s == strings.TrimSuffix(asynqKeys, ":")) {
		return fmt.Errorf("want up to 32 letters, digits, dots, dashes and underscores, and not %q", strings.TrimSuffix(asynqKeys, ":"))
	}
	*p = Prefix(text)
	return nil
}

// Under has a client put the prefix before the keys of queues. Give it one that is
// for queues alone: it takes every text of a command that begins as such a key
// does for one.
func (p Prefix) Under(rdb redis.UniversalClient) redis.UniversalClient {
	if p != "" {
		rdb.AddHook(prefixHook(p + ":"))
	}
	return rdb
}

// prefixHook rewrites the commands of a client. asynq has no prefix of its own.
type prefixHook string

// DialHook changes nothing.
func (prefixHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook rewrites a command.
func (h prefixHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		h.rewrite(cmd)
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook rewrites the commands of a pipeline.
func (h prefixHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			h.rewrite(cmd)
		}
		return next(ctx, cmds)
	}
}

// rewrite changes the names of keys in place; one that was changed before is left
// as it is.
func (h prefixHook) rewrite(cmd redis.Cmder) {
	args := cmd.Args()
	for i, arg := range args {
		if name, ok := arg.(string); ok && i > 0 && strings.HasPrefix(name, asynqKeys) {
			args[i] = string(h) + name
		}
	}
}
