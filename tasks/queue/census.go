package queue

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Census is how many tasks are in one queue, and were.
type Census struct {
	Queue     string
	States    [6]int64 // how many tasks are in each of TaskStates
	Processed int64    // tries so far
	Failed    int64    // of which failed
	Paused    bool
	Oldest    time.Duration // how long the oldest pending task has been so
}

// TaskStates are the states of a task, as asynq names them.
func TaskStates() [6]string {
	return [6]string{"pending", "active", "scheduled", "retry", "archived", "completed"}
}

// TakeCensus looks at every queue that there can be, in one round trip.
func TakeCensus(ctx context.Context, rdb redis.UniversalClient) ([]Census, error) {
	queues := All()
	replies := make([]*redis.Cmd, len(queues))
	_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, q := range queues {
			k := keysOf(q)
			keys := []string{
				k.pending(), k.active(), k.scheduled(), k.retry(), k.archived(), k.completed(),
				k.processed(), k.failed(), k.paused(), k.parked(),
			}
			// Not by its digest: within a pipeline it would not be sent again to a Redis
			// that does not know it.
			replies[i] = p.Eval(ctx, censusSource, keys, k.task(""))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count the queues: %w", unavailable(err))
	}
	all := make([]Census, len(queues))
	for i, q := range queues {
		if all[i], err = censusOf(q, replies[i]); err != nil {
			return nil, fmt.Errorf("count queue %s: %w", q, err)
		}
	}
	return all, nil
}

// censusOf reads a reply of the script.
func censusOf(queue string, reply *redis.Cmd) (Census, error) {
	c := Census{Queue: queue}
	values, err := reply.Slice()
	if err != nil {
		return c, err
	}
	if len(values) != 10 {
		return c, fmt.Errorf("got %d values", len(values))
	}
	var n [9]int64
	for i := range n {
		n[i], _ = values[i].(int64)
	}
	copy(c.States[:], n[:6])
	c.Processed, c.Failed, c.Paused = n[6], n[7], n[8] == 1
	since, _ := values[9].(string)
	if ns, err := strconv.ParseInt(since, 10, 64); err == nil {
		c.Oldest = max(0, time.Since(time.Unix(0, ns)))
	}
	return c, nil
}
