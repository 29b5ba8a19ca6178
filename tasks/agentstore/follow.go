package agentstore

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks/agents"
)

// followEvery is how often Follow asks whether something was pushed: one small
// command, which needs no subscription and misses nothing.
const followEvery = time.Second

// Load gives a catalogue the agents that are current, once.
func (s *Store) Load(ctx context.Context, c *agents.Catalogue) (revision int64, err error) {
	folders, revision, err := s.pushed(ctx)
	if err != nil {
		return 0, unavailable(err)
	}
	c.SetPushed(folders)
	return revision, nil
}

// Follow gives a catalogue the agents that are current, within about a second of
// each change, until ctx ends; it then returns nil. While Redis does not answer
// the last ones stay.
func (s *Store) Follow(ctx context.Context, c *agents.Catalogue, log *slog.Logger) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	last, failing := int64(-1), false
	for {
		revision, err := s.rdb.HGet(ctx, currentKey, revisionField).Int64()
		if errors.Is(err, redis.Nil) {
			revision, err = 0, nil
		}
		if err == nil && revision != last {
			if revision, err = s.Load(ctx, c); err == nil {
				last = revision
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !failing {
			log.WarnContext(ctx, "pushed agents cannot be read; the last ones stay", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
