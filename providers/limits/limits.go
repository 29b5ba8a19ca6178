// Package limits keeps the calls of all workers within what a provider's account
// may use: requests and tokens per minute, and calls at once. The state is in
// Redis, so that the limits hold for an installation and not for a process.
//
// What may be used per minute is spread evenly over it, since some services also
// count by the second. Limits start from what is known of an account. When a
// provider reports all the same that they are reached, they are cut to half for
// all workers, and recover slowly; where it asks for a pause, it is not called
// until that ends.
//
// The refusal of a call holds when its turn may come. Within a process calls that
// wait are admitted by the age of their jobs.
//
// Calls of workers that have died are forgotten when their lease is over.
package limits

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/providers"
)

var (
	//go:embed lua/lib.lua
	libSource string
	//go:embed lua/enter.lua
	enterSource string
	//go:embed lua/leave.lua
	leaveSource string

	enterScript = redis.NewScript(libSource + enterSource)
	leaveScript = redis.NewScript(libSource + leaveSource)
)

// keysOf are the keys of a scope, in the order of the scripts' prelude.
func keysOf(scope string) []string {
	key := "spillway:limits:{" + scope + "}"
	return []string{key, key + ":calls"}
}

// Rule says what holds for a candidate: the limits, and what it shares them
// with, by a stable name such as "kimi" or "kimi/k2". A scope of "" has no limits, and learns
// none.
type Rule func(c providers.Candidate) (scope string, l providers.Limits)

// Guard is a providers.Guard that enforces limits. While Redis is unavailable it
// allows every call.
type Guard struct {
	rdb         redis.UniversalClient
	cfg         Config
	log         *slog.Logger
	unavailable atomic.Bool // whether Redis was, at the last call

	mu      sync.Mutex
	waiting map[string]*waiters // by scope
}

// Config says which limits to hold, and for how long.
type Config struct {
	Rule     Rule
	Lease    time.Duration // for which a call counts as in flight at most; longer than any call
	Patience time.Duration // how long Redis may take to answer; 0: 1 s
}

// New returns a guard that keeps its state in rdb.
func New(rdb redis.UniversalClient, cfg Config, log *slog.Logger) *Guard {
	cfg.Patience = cmp.Or(cfg.Patience, time.Second)
	return &Guard{rdb: rdb, cfg: cfg, log: log, waiting: map[string]*waiters{}}
}

// waitersOf returns the calls that wait for a scope in this process.
func (g *Guard) waitersOf(scope string) *waiters {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting[scope] == nil {
		g.waiting[scope] = newWaiters(scope)
	}
	return g.waiting[scope]
}

// stopWaiting removes an admitted job from all scopes: while another candidate answers
// it, no other job is to wait behind it.
func (g *Guard) stopWaiting(job string) {
	if job == "" {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, q := range g.waiting {
		q.remove(job)
	}
}

// Enter admits a call if its limits have room for it.
func (g *Guard) Enter(ctx context.Context, c *providers.Call) (leave func(*providers.Attempt), err error) {
	scope, limits := g.cfg.Rule(c.Candidate)
	if scope == "" {
		g.stopWaiting(c.Job)
		return func(*providers.Attempt) {}, nil
	}
	waiting := g.waitersOf(scope)
	if refusal := waiting.behind(ctx, c, limits, time.Now()); refusal != nil {
		return nil, refusal
	}
	p := &pass{g, scope, []any{
		rand.Text(), g.cfg.Lease.Milliseconds(),
		limits.Concurrency, limits.RequestsPerMinute, limits.TokensPerMinute, c.Input + c.Output,
	}}
	reply, ok := p.run(ctx, enterScript)
	if ctx.Err() != nil {
		return nil, providers.Canceled(ctx)
	}
	if !ok {
		return func(*providers.Attempt) {}, nil
	}
	if wait, _ := reply[0].(int64); wait > 0 {
		return nil, waiting.refuse(ctx, c, limits, verdictOf(reply), time.Now())
	}
	began := time.Now()
	g.stopWaiting(c.Job)
	return func(a *providers.Attempt) {
		p.leave(context.WithoutCancel(ctx), a)
		waiting.leave(a, time.Since(began))
	}, nil
}

// Reset ends the times for which a provider asked for a pause, as a whole and
// for those of its models that this process has asked: somebody has mended what was
// wrong. What was learned of its limits stays.
func (g *Guard) Reset(ctx context.Context, provider string) {
	for _, scope := range g.scopes(provider) {
		limited, cancel := context.WithTimeout(ctx, g.cfg.Patience)
		if err := g.rdb.HDel(limited, keysOf(scope)[0], "closed").Err(); err != nil {
			g.log.WarnContext(ctx, "a pause that the provider asked for could not be ended; reset the provider again", "provider", scope, "error", err)
		}
		cancel()
	}
}

// scopes lists those of a provider: its name, and those below it that were asked for
// room so far.
func (g *Guard) scopes(provider string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := []string{provider}
	for scope := range g.waiting {
		if strings.HasPrefix(scope, provider+"/") {
			all = append(all, scope)
		}
	}
	return all
}

// pass is an admitted call.
type pass struct {
	*Guard
	scope string
	args  []any // of both scripts
}

// leave records how the call ended.
func (p *pass) leave(ctx context.Context, a *providers.Attempt) {
	limited := a.Called && a.Outcome == string(providers.ClassRateLimited)
	var after time.Duration
	if limited {
		after = min(max(a.RetryAfter, 0), longestClosed)
	}
	p.run(ctx, leaveScript, flag(a.Called), used(a), flag(limited), after.Milliseconds()) // if it fails, the lease ends the call
}

// longestClosed bounds the pause that a provider can ask for: by
// then an error of its own must be over.
const longestClosed = time.Hour

// used is how many tokens a call took off the account; "" if it is not known.
func used(a *providers.Attempt) string {
	if a.Estimated {
		return ""
	}
	return strconv.Itoa(a.Usage.Input + a.Usage.Output)
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// run calls a script, and logs once when Redis goes, and when it is back. It
// reports false when there is no reply.
func (p *pass) run(ctx context.Context, script *redis.Script, more ...any) (reply []any, ok bool) {
	limited, cancel := context.WithTimeout(ctx, p.cfg.Patience)
	defer cancel()
	reply, err := script.Run(limited, p.rdb, keysOf(p.scope), append(p.args, more...)...).Slice()
	if errors.Is(err, redis.Nil) { // a script that returns nothing
		err = nil
	}
	switch {
	case ctx.Err() != nil:
	case err != nil && p.unavailable.CompareAndSwap(false, true):
		p.log.WarnContext(ctx, "rate limits are not enforced while Redis is unavailable", "error", err)
	case err == nil && p.unavailable.CompareAndSwap(true, false):
		p.log.InfoContext(ctx, "rate limits are enforced again")
	}
	return reply, err == nil && len(reply) > 0
}
