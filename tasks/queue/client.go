package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

const (
	// handlerLimit is the time after which asynq would give a handler up. Jobs
	// have deadlines of their own, far below it; asynq wants some limit.
	handlerLimit = 24 * time.Hour
	// noRetryLimit: a ticket ends when its job says so and a webhook when its
	// schedule does, never for having come back too often.
	noRetryLimit = math.MaxInt32
	// noticeKept is how long a delivered webhook's ID is remembered, so that a
	// relay that repeats itself does not send it again.
	noticeKept = 10 * time.Minute
)

// Client puts tickets and notices into their queues. It is safe for concurrent
// use.
type Client struct {
	asynq *asynq.Client
	rdb   redis.UniversalClient
}

// NewClient returns a Client on rdb, which stays the caller's to close.
func NewClient(rdb redis.UniversalClient) *Client {
	return &Client{asynq: asynq.NewClientFromRedisClient(batcher{rdb}), rdb: rdb}
}

// Enqueue issues a ticket that falls due at the given time, at once if that is
// zero or past. A ticket that is already there is not issued twice. If asynq
// refuses its ID although no worker can get it, because Redis lost the list that
// it was in or the worker that had taken it has died, the remains are removed
// and the ticket is issued anew.
func (c *Client) Enqueue(ctx context.Context, t Ticket, at time.Time) error {
	id, there, err := c.issue(ctx, t, at)
	if err != nil || !there {
		return err
	}
	freed, err := unplaced(ctx, c.rdb, t.queue(), id, free)
	if err != nil {
		return unavailable(err)
	}
	if freed {
		_, _, err = c.issue(ctx, t, at)
	}
	return err
}

// issue enqueues a ticket, and returns its ID and whether that was there before.
func (c *Client) issue(ctx context.Context, t Ticket, at time.Time) (id string, there bool, err error) {
	later := time.Until(at) > 0
	id = t.taskID(later)
	opts := []asynq.Option{
		asynq.Queue(t.queue()), asynq.TaskID(id),
		asynq.MaxRetry(noRetryLimit), asynq.Timeout(handlerLimit),
	}
	if later {
		opts = append(opts, asynq.ProcessAt(at))
	}
	there, err = c.enqueue(ctx, typeTicket, t, t.Headers, opts)
	if _, recorded := ctx.Value(callKey{}).(*call); err == nil && !later && !recorded {
		wake(ctx, c.rdb, map[string]int{t.queue(): 1})
	}
	return id, there, err
}

// EnqueueWebhook issues a notice. One that is already there is not issued
// twice.
func (c *Client) EnqueueWebhook(ctx context.Context, n Notice) error {
	opts := []asynq.Option{
		asynq.Queue(Webhooks), asynq.TaskID(n.taskID()), asynq.MaxRetry(noRetryLimit),
		asynq.Timeout(time.Minute), asynq.Retention(noticeKept),
	}
	var script call
	if _, err := c.enqueue(context.WithValue(ctx, callKey{}, &script), typeNotice, n, nil, opts); err != nil {
		return err
	}
	if done, err := c.run(ctx, []call{script}, map[string]int{Webhooks: 1})[0].Bool(); err == nil && done {
		return nil
	}
	_, err := c.enqueue(ctx, typeNotice, n, nil, opts) // see EnqueueAll
	return err
}

// enqueue puts a task into its queue, and reports whether it was there before.
func (c *Client) enqueue(ctx context.Context, typ string, v any, headers map[string]string, opts []asynq.Option) (there bool, err error) {
	payload, err := json.Marshal(v)
	if err != nil {
		return false, fmt.Errorf("encode task: %w", err)
	}
	_, err = c.asynq.EnqueueContext(ctx, asynq.NewTaskWithHeaders(typ, payload, headers, opts...))
	if errors.Is(err, asynq.ErrTaskIDConflict) {
		return true, nil
	}
	if err != nil {
		return false, unavailable(err)
	}
	return false, nil
}

func unavailable(err error) error {
	return tasks.Errorf(tasks.CodeUnavailable, "The queue is unavailable; try again shortly.").WithCause(err)
}
