package queue

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Due is a ticket and when it falls due: at once if that is zero or past.
type Due struct {
	Ticket

	At time.Time
}

// EnqueueAll is Enqueue for several tickets, in one round trip. When it fails,
// some may have been issued; to issue them all again makes none twice.
func (c *Client) EnqueueAll(ctx context.Context, tickets ...Due) error {
	if len(tickets) == 0 {
		return nil
	}
	calls := make([]call, len(tickets))
	for i, t := range tickets {
		if _, _, err := c.issue(context.WithValue(ctx, callKey{}, &calls[i]), t.Ticket, t.At); err != nil {
			return err
		}
	}
	servers := map[string]int{}
	for _, t := range tickets {
		if time.Until(t.At) <= 0 {
			servers[t.queue()]++
		}
	}
	for i, issued := range c.run(ctx, calls, servers) {
		if issued {
			continue
		}
		// It is there already, or Redis has yet to learn the script.
		if err := c.Enqueue(ctx, tickets[i].Ticket, tickets[i].At); err != nil {
			return err
		}
	}
	return nil
}

// run runs the scripts of calls in one round trip, and wakes servers of queues, as many
// as the numbers say. It returns which calls have enqueued their task.
func (c *Client) run(ctx context.Context, calls []call, servers map[string]int) []bool {
	replies := make([]*redis.Cmd, len(calls))
	_, _ = c.rdb.Pipelined(ctx, func(p redis.Pipeliner) error { // each reply has its own error
		for i, call := range calls {
			replies[i] = p.EvalSha(ctx, call.script, call.keys, call.args...)
		}
		queueWake(ctx, p, servers)
		return nil
	})
	enqueued := make([]bool, len(calls))
	for i, reply := range replies {
		done, err := reply.Bool()
		enqueued[i] = err == nil && done
	}
	return enqueued
}

// call is a script that asynq runs.
type call struct {
	script string // its SHA-1
	keys   []string
	args   []any
}

type callKey struct{}

// batcher is the connection of asynq's client, which has no pipelines. The layout of a
// task in Redis stays asynq's: under a context that holds a call, the batcher records
// there which script asynq would run, and runs nothing.
type batcher struct{ redis.UniversalClient }

// EvalSha runs a script, or records it and reports to asynq that the task is enqueued.
func (b batcher) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	recorded, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return b.UniversalClient.EvalSha(ctx, sha1, keys, args...)
	}
	*recorded = call{sha1, keys, args}
	reply := redis.NewCmd(ctx)
	reply.SetVal(int64(1))
	return reply
}
