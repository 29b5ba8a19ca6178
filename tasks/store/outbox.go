package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// OutboxEntry is the entry of a job into a state.
type OutboxEntry struct {
	Shard    int
	StreamID string // place in the shard's outbox
	JobID    string
	Tenant   string
	Type     tasks.EventType
	Sequence int64 // of the event in the job's own log
	Attempt  int
	At       time.Time
	Callback bool // the job's callback URL gets the event
}

// Outbox reads every job's state changes on behalf of one consumer group, at
// least once each.
type Outbox struct {
	store *Store
	group string
	idle  time.Duration
}

// Outbox returns the reader of the named group. What a consumer has taken but
// not acknowledged within idle comes back to another.
func (s *Store) Outbox(group string, idle time.Duration) *Outbox {
	return &Outbox{store: s, group: group, idle: idle}
}

// Open makes the group where it is missing. A new group starts at the oldest
// entry that is kept.
func (o *Outbox) Open(ctx context.Context) error {
	for _, sh := range o.store.shards() {
		err := o.store.rdb.XGroupCreateMkStream(ctx, sh.outbox(), o.group, "0").Err()
		if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
			return fmt.Errorf("open outbox: %w", unavailable(err))
		}
	}
	return nil
}

// shardWait is how long Next waits for one of several shards while others may
// get entries; one read cannot wait for streams in several slots.
const shardWait = 100 * time.Millisecond

// Next returns up to limit entries per shard: first those that a consumer has
// left unacknowledged for too long, then new ones. It waits up to wait when
// there are none. A group that is missing (Redis lost it) is made again.
func (o *Outbox) Next(ctx context.Context, consumer string, limit int, wait time.Duration) ([]OutboxEntry, error) {
	var entries []OutboxEntry
	for i, sh := range o.store.shards() {
		msgs, _, err := o.store.rdb.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: sh.outbox(), Group: o.group, Consumer: consumer, MinIdle: o.idle, Start: "0", Count: int64(limit),
		}).Result()
		if err != nil {
			return nil, o.reopen(ctx, err)
		}
		block := time.Duration(-1) // do not block, unless this is all there is to wait for
		if len(entries)+len(msgs) == 0 && i == o.store.cfg.Shards-1 {
			block = wait
			if i > 0 {
				block = min(wait, shardWait)
			}
		}
		fresh, err := o.store.rdb.XReadGroup(ctx, &redis.XReadGroupArgs{
			Streams: []string{sh.outbox(), ">"}, Group: o.group, Consumer: consumer, Count: int64(limit), Block: block,
		}).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, o.reopen(ctx, err)
		}
		for _, stream := range fresh {
			msgs = append(msgs, stream.Messages...)
		}
		for _, m := range msgs {
			entries = append(entries, decodeEntry(i, m))
		}
	}
	return entries, nil
}

func (o *Outbox) reopen(ctx context.Context, err error) error {
	if strings.HasPrefix(err.Error(), "NOGROUP") {
		return o.Open(ctx)
	}
	return fmt.Errorf("read outbox: %w", unavailable(err))
}

// Ack acknowledges entries: they do not come again.
func (o *Outbox) Ack(ctx context.Context, entries ...OutboxEntry) error {
	byShard := map[int][]string{}
	for _, e := range entries {
		byShard[e.Shard] = append(byShard[e.Shard], e.StreamID)
	}
	for n, ids := range byShard {
		if err := o.store.rdb.XAck(ctx, shardNumber(n).outbox(), o.group, ids...).Err(); err != nil {
			return fmt.Errorf("acknowledge outbox entries: %w", unavailable(err))
		}
	}
	return nil
}

const (
	// unread bounds an outbox that has no reader, in entries.
	unread = 10_000
	// unreadEver bounds one whose readers have gone for good.
	unreadEver = 1_000_000
)

// Trim drops the entries that every group has acknowledged, so that the outbox
// stays as short as its slowest reader allows. Without any reader it keeps the
// newest ones. It also takes the jobs off their tenants' lists that are forgotten.
func (s *Store) Trim(ctx context.Context) error {
	for _, sh := range s.shards() {
		groups, err := s.rdb.XInfoGroups(ctx, sh.outbox()).Result()
		switch {
		case err != nil:
		case len(groups) == 0:
			err = s.rdb.XTrimMaxLenApprox(ctx, sh.outbox(), unread, 0).Err()
		default:
			var keep streamID
			if keep, err = s.oldestNeeded(ctx, sh, groups); err == nil {
				err = cmp.Or(s.rdb.XTrimMinIDApprox(ctx, sh.outbox(), keep.String(), 0).Err(),
					s.rdb.XTrimMaxLenApprox(ctx, sh.outbox(), unreadEver, 0).Err())
			}
		}
		if err != nil && !strings.Contains(err.Error(), "no such key") {
			return fmt.Errorf("trim outbox: %w", unavailable(err))
		}
		if err := s.forget(ctx, sh); err != nil {
			return fmt.Errorf("take forgotten jobs off the lists: %w", unavailable(err))
		}
		if err := s.dropPlaces(ctx, sh); err != nil {
			return fmt.Errorf("drop places without a job: %w", unavailable(err))
		}
	}
	return nil
}

// oldestNeeded returns the first entry that some group has yet to read or to
// acknowledge.
func (s *Store) oldestNeeded(ctx context.Context, sh shard, groups []redis.XInfoGroup) (streamID, error) {
	var oldest streamID
	for i, g := range groups {
		first := parseStreamID(g.LastDeliveredID)
		if g.Pending > 0 {
			p, err := s.rdb.XPending(ctx, sh.outbox(), g.Name).Result()
			if err != nil {
				return streamID{}, err
			}
			first = parseStreamID(p.Lower)
		}
		if i == 0 || first.before(oldest) {
			oldest = first
		}
	}
	return oldest, nil
}

// streamID is a place in a Redis stream.
type streamID struct{ ms, seq uint64 }

func parseStreamID(s string) streamID {
	ms, seq, _ := strings.Cut(s, "-")
	var id streamID
	id.ms, _ = strconv.ParseUint(ms, 10, 64)
	id.seq, _ = strconv.ParseUint(seq, 10, 64)
	return id
}

func (a streamID) before(b streamID) bool { return a.ms < b.ms || a.ms == b.ms && a.seq < b.seq }

func (a streamID) String() string { return fmt.Sprintf("%d-%d", a.ms, a.seq) }

func decodeEntry(shard int, m redis.XMessage) OutboxEntry {
	field := fields(m)
	e := OutboxEntry{
		Shard: shard, StreamID: m.ID, JobID: field("job"), Tenant: field("tenant"),
		Type: tasks.EventType(field("type")), At: millis(field("at")),
	}
	e.Callback = calls(field("callback"), e.Type)
	e.Sequence, _ = strconv.ParseInt(field("seq"), 10, 64)
	e.Attempt, _ = strconv.Atoi(field("attempt"))
	return e
}

// callback is what the record keeps of a job's callback: "0" for none, "1" for
// one that gets the job's end, or the events that it gets.
func callback(j *tasks.Job) string {
	switch {
	case j.CallbackURL == "":
		return "0"
	case len(j.CallbackEvents) == 0:
		return "1"
	}
	names := make([]string, len(j.CallbackEvents))
	for i, typ := range j.CallbackEvents {
		names[i] = string(typ)
	}
	return strings.Join(names, ",")
}

// calls reports whether such a callback gets an event.
func calls(callback string, typ tasks.EventType) bool {
	switch callback {
	case "", "0":
		return false
	case "1":
		return typ.Terminal()
	}
	return slices.Contains(strings.Split(callback, ","), string(typ))
}
