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
	// Turn is whose turn a ticket that is due waits for, because others wait for the queue,
	// too; nil: it is not to wait.
	Turn *Turn
}

// EnqueueAll is Enqueue for several tickets, in one round trip. When it fails,
// some may have been issued; to issue them all again makes none twice.
func (c *Client) EnqueueAll(ctx context.Context, tickets ...Due) error {
	servers := map[string]int{}
	for _, t := range tickets {
		if time.Until(t.At) <= 0 {
			servers[t.queue()]++
		}
	}
	return c.enqueueAll(ctx, tickets, servers)
}

// enqueueAll issues or parks tickets, and wakes servers of queues, as many as the numbers
// say.
func (c *Client) enqueueAll(ctx context.Context, tickets []Due, servers map[string]int) error {
	if len(tickets) == 0 {
		return nil
	}
	calls := make([]call, len(tickets))
	for i, t := range tickets {
		var err error
		if t.waitsForTurn() {
			calls[i], err = park(t.Ticket, *t.Turn)
		} else {
			_, _, err = c.issue(context.WithValue(ctx, callKey{}, &calls[i]), t.Ticket, t.At)
		}
		if err != nil {
			return err
		}
	}
	for i, reply := range c.run(ctx, calls, servers) {
		done, err := reply.Bool()
		switch {
		case err == nil && (done || tickets[i].waitsForTurn()):
			continue
		case tickets[i].waitsForTurn(): // Redis has yet to learn the script
			if err := parkScript.Run(ctx, c.rdb, calls[i].keys, calls[i].args...).Err(); err != nil {
				return unavailable(err)
			}
		default: // it is there already, or the same
			if err := c.Enqueue(ctx, tickets[i].Ticket, tickets[i].At); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d Due) waitsForTurn() bool { return d.Turn != nil && time.Until(d.At) <= 0 }

// run runs the scripts of calls in one round trip, and wakes servers of queues, as many
// as the numbers say. Each reply has its own error.
func (c *Client) run(ctx context.Context, calls []call, servers map[string]int) []*redis.Cmd {
	replies := make([]*redis.Cmd, len(calls))
	_, _ = c.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, call := range calls {
			replies[i] = p.EvalSha(ctx, call.script, call.keys, call.args...)
		}
		queueWake(ctx, p, servers)
		return nil
	})
	return replies
}

// call is a script that is to run.
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
