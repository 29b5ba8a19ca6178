package queue

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// Depth is the number of tasks in one queue.
type Depth struct {
	Queue   string
	Waiting int           // may be taken now
	Later   int           // not due yet
	Taken   int           // in a handler's hands
	Dead    int           // given up
	Oldest  time.Duration // how long the oldest waiting task has waited
	Paused  bool
}

// Inspector looks into the queues.
type Inspector struct {
	asynq *asynq.Inspector
	rdb   redis.UniversalClient
}

// NewInspector returns an Inspector on rdb, which stays the caller's to close.
func NewInspector(rdb redis.UniversalClient) *Inspector {
	return &Inspector{asynq: asynq.NewInspectorFromRedisClient(rdb), rdb: rdb}
}

// Depths returns the depth of each queue that has ever been used, in order of
// their names.
func (i *Inspector) Depths() ([]Depth, error) {
	names, err := i.asynq.Queues()
	if err != nil {
		return nil, fmt.Errorf("list queues: %w", err)
	}
	slices.Sort(names)
	depths := make([]Depth, 0, len(names))
	for _, name := range names {
		info, err := i.asynq.GetQueueInfo(name)
		if err != nil {
			return nil, fmt.Errorf("inspect queue %s: %w", name, err)
		}
		parked, err := i.rdb.HLen(context.Background(), keysOf(name).parked()).Result()
		if err != nil {
			return nil, fmt.Errorf("inspect queue %s: %w", name, err)
		}
		depths = append(depths, Depth{
			Queue: name, Waiting: info.Pending + int(parked), Later: info.Scheduled + info.Retry, Taken: info.Active,
			Dead: info.Archived, Oldest: info.Latency, Paused: info.Paused,
		})
	}
	return depths, nil
}
