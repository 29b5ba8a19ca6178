package access

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// The actions on keys.
const (
	keyCreated = "keys.create"
	keyRotated = "keys.rotate"
	keyRevoked = "keys.revoke"
)

// Change is an action on an API key.
type Change struct {
	ID     string    // of the change
	At     time.Time // zero: unknown
	Action string    // keys.create, keys.rotate or keys.revoke
	Key    string    // the ID of the key
	Tenant string
	By     string // who made it
}

const (
	// maxChanges is about how many changes are kept for an audit log.
	maxChanges = 10_000
	// changesEvery is how often the stream is read.
	changesEvery = time.Second
	// changeClaimed is after how long a change is taken from a process that has not
	// recorded it.
	changeClaimed = 30 * time.Second
	changesGroup  = "audit"
	// changesConsumer is the name of every process in the group: with names of their own
	// those that ended would stay in it.
	changesConsumer = "audit"
)

// appendChange appends a change to the stream, in the transaction of p.
func (s *Keys) appendChange(ctx context.Context, p redis.Pipeliner, action string, k Key, by string) {
	p.XAdd(ctx, &redis.XAddArgs{
		Stream: changesKey, MaxLen: maxChanges, Approx: true,
		Values: []any{"action", action, "key", k.ID, "tenant", k.Tenant, "by", by, "at", writeTime(s.now())},
	})
}

// Changes calls record for every change of a key, in whichever process it was made,
// until ctx ends. Each change goes to one of the processes that call Changes, and
// again to one of them if record returned an error.
func (s *Keys) Changes(ctx context.Context, log *slog.Logger, record func(Change) error) {
	tick := time.NewTicker(changesEvery)
	defer tick.Stop()
	ok := true
	for {
		err := s.recordChanges(ctx, record)
		if ctx.Err() != nil {
			return
		}
		if err != nil && ok {
			log.WarnContext(ctx, "changes of API keys cannot be recorded now; they are kept in Redis and tried again", "error", err)
		}
		ok = err == nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// recordChanges records the changes in the stream.
func (s *Keys) recordChanges(ctx context.Context, record func(Change) error) error {
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
		if err := s.recordChange(ctx, m, record); err != nil {
			return err
		}
	}
	return nil
}

// recordChange records one change, and removes it from the stream.
func (s *Keys) recordChange(ctx context.Context, m redis.XMessage, record func(Change) error) error {
	text := func(field string) string { t, _ := m.Values[field].(string); return t }
	at, err := readTime(text("at"))
	if err != nil {
		at = time.Time{} // it must not block those after it
	}
	if err := record(Change{ID: m.ID, At: at, Action: text("action"), Key: text("key"), Tenant: text("tenant"), By: text("by")}); err != nil {
		return err
	}
	_, err = s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.XAck(ctx, changesKey, changesGroup, m.ID)
		p.XDel(ctx, changesKey, m.ID)
		return nil
	})
	return err
}
