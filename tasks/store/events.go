package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// rereadEvery bounds the harm of a wake-up that was lost.
const rereadEvery = 10 * time.Second

// ErrClosed says that the Store was closed while the end of a job was awaited.
var ErrClosed = errors.New("the job store was closed")

// Events returns up to limit of a job's events with a sequence number above
// after, oldest first. A log that has been trimmed begins later than asked.
func (s *Store) Events(ctx context.Context, id string, after int64, limit int64) ([]tasks.Event, error) {
	log, err := s.readLog(ctx, id, after, limit)
	return log.events, err
}

// Since is [Store.Events], and reports whether the log is over: the last of these
// events, or the one that they are to follow, ends the run of the job and is the
// last one there is. With as many events as the limit this is not known yet.
func (s *Store) Since(ctx context.Context, id string, after, limit int64) (events []tasks.Event, over bool, err error) {
	log, err := s.readLog(ctx, id, after, limit)
	switch n := len(log.events); {
	case err != nil || int64(n) == limit:
		return log.events, false, err
	case n > 0:
		return log.events, log.events[n-1].Type.Terminal(), nil
	}
	return nil, log.gone || log.last.Type.Terminal() && log.last.Sequence <= after, nil
}

// OnEvent returns a channel that holds a wake-up now, and whenever the job's log
// may have grown. The caller reads the log when woken, may be woken for nothing,
// and calls leave when it no longer waits. While Redis is unavailable no watcher is woken,
// but everybody is when it is back.
func (s *Store) OnEvent(id string) (wake <-chan struct{}, leave func()) {
	channel := s.keys(id).events()
	w := s.hub.join(channel, anything)
	w.rouse()
	return w.wake, func() { s.hub.leave(channel, w) }
}

func anything(string) bool { return true }

// awaitEvents waits until it is worth reading again, or for a reason to stop.
func (s *Store) awaitEvents(ctx context.Context, w *watcher, reread <-chan time.Time) error {
	select {
	case <-w.wake:
		return nil
	case <-reread:
		return nil
	case <-s.hub.life.Done():
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// AwaitEnd returns when a job has ended, or is gone, and with an error when ctx
// ends (its cause) or Redis fails. A job that has ended may have been retried
// since. Callers that need no more need not read the log.
func (s *Store) AwaitEnd(ctx context.Context, id string) error {
	var ended atomic.Bool
	channel := s.keys(id).events()
	w := s.hub.join(channel, func(kind string) bool {
		if tasks.EventType(kind).Terminal() {
			ended.Store(true)
		}
		return ended.Load()
	})
	defer s.hub.leave(channel, w)
	reread := time.NewTicker(rereadEvery)
	defer reread.Stop()
	for !ended.Load() {
		if over, err := s.hasEnded(ctx, id); err != nil || over {
			return err
		}
		if err := s.awaitEvents(ctx, w, reread.C); err != nil {
			return err
		}
	}
	return nil
}

// hasEnded reports whether a job is in a terminal state, or gone.
func (s *Store) hasEnded(ctx context.Context, id string) (bool, error) {
	var state *redis.StringCmd
	// A pipeline, since those of many callers can go in one round trip.
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		state = p.HGet(ctx, s.keys(id).job(), "state")
		return nil
	})
	if errors.Is(err, redis.Nil) {
		return true, nil
	}
	if err != nil {
		return false, cmp.Or(context.Cause(ctx), fmt.Errorf("read the state of a job: %w", unavailable(err)))
	}
	return tasks.State(state.Val()).Terminal(), nil
}

// OnCancel returns a channel that holds a wake-up when the job may have been
// canceled while it ran; the caller makes sure, and calls leave when it no longer
// waits. All that wait share one subscription per shard, which lasts as long as
// the Store: a job that is not canceled costs nothing.
func (s *Store) OnCancel(id string) (wake <-chan struct{}, leave func()) {
	s.listen.Do(func() {
		for _, sh := range s.shards() {
			s.hub.join(sh.due(), func(string) bool { return false })
		}
	})
	channel := s.shardOf(id).due()
	w := s.hub.join(channel, func(canceled string) bool { return canceled == id })
	return w.wake, func() { s.hub.leave(channel, w) }
}

// fields returns a reader of a stream entry's fields; one that is missing is "".
func fields(m redis.XMessage) func(name string) string {
	return func(name string) string {
		v, _ := m.Values[name].(string)
		return v
	}
}
