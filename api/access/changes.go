package access

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// What is done to keys.
const (
	keyCreated = "keys.create"
	keyRotated = "keys.rotate"
	keyRevoked = "keys.revoke"
)

// Change is something that was done to an API key.
type Change struct {
	ID     string    // of the change
	At     time.Time // zero: not known
	Action string    // keys.create, keys.rotate or keys.revoke
	Key    string    // the ID of the key
	Tenant string
	By     string // who did it
}

const (
	// maxChanges is about how many changes wait for an audit log that may never come.
	maxChanges = 10_000
	// changesEvery is how often the stream is checkedAt at.
	changesEvery = time.Second
	// changeClaimed is when a change is taken from a process that has not kept it.
	changeClaimed = 30 * time.Second
	changesGroup  = "audit"
	// changesConsumer is the name of every process in the group: those that ended
	// would stay there for ever under names of their own.
	changesConsumer = "audit"
)

// note has p append what is done to a key, in the same transaction.
func (s *Keys) appendChange(ctx context.Context, p redis.Pipeliner, action string, k Key, by string) {
	p.XAdd(ctx, &redis.XAddArgs{
		Stream: changesKey, MaxLen: maxChanges, Approx: true,
		Values: []any{"action", action, "key", k.ID, "tenant", k.Tenant, "by", by, "at", writeTime(s.now())},
	})
}

// Changes hands keep what is done to keys, wherever it is done, until ctx ends:
// each change to one of the processes that ask, and again to one of them if it
// was not kept.
func (s *Keys) Changes(ctx context.Context, log *slog.Logger, keep func(Change) error) {
	tick := time.NewTicker(changesEvery)
	defer tick.Stop()
	well := true
	for {
		err := s.recordChanges(ctx, keep)
		if ctx.Err() != nil {
			return
		}
		if err != nil && well {
			log.WarnContext(ctx, "changes of API keys are not recorded for now", "error", err)
		}
		well = err == nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// recordChanges keeps the changes there are.
func (s *Keys) recordChanges(ctx context.Context, keep func(Change) error) error {
	err := s.rdb.XGroupCreateMkStream(ctx, changesKey, changesGroup, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return err
	}
	left, _, err := s.rdb.XAutoClaim(ctx, &redis.XAutoClaimArgs{
		Stream: changesKey, Group: changesGroup, Consumer: changesConsumer, MinIdle: changeClaimed, Start: "0-0", Count: 100,
	}).Result()
	if err != nil {
		return err
	}
	fresh, err := s.rdb.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: changesGroup, Consumer: changesConsumer, Streams: []string{changesKey, ">"}, Count: 100, Block: -1,
	}).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	for _, stream := range fresh {
		left = append(left, stream.Messages...)
	}
	for _, m := range left {
		if err := s.recordChange(ctx, m, keep); err != nil {
			return err
		}
	}
	return nil
}

// recordChange keeps one, and removes it from the stream.
func (s *Keys) recordChange(ctx context.Context, m redis.XMessage, keep func(Change) error) error {
	text := func(field string) string { t, _ := m.Values[field].(string); return t }
	at, err := readTime(text("at"))
	if err != nil {
		at = time.Time{} // it must not stand in the way of those behind it
	}
	if err := keep(Change{ID: m.ID, At: at, Action: text("action"), Key: text("key"), Tenant: text("tenant"), By: text("by")}); err != nil {
		return err
	}
	_, err = s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.XAck(ctx, changesKey, changesGroup, m.ID)
		p.XDel(ctx, changesKey, m.ID)
		return nil
	})
	return err
}
