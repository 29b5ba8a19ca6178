package access

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// Keys stores API keys. It is safe for concurrent use. Keys are never deleted: one
// that has ended still shows whose it was.
type Keys struct {
	rdb redis.UniversalClient
	now func() time.Time
}

// NewKeys returns the keys in rdb, which the caller closes.
func NewKeys(rdb redis.UniversalClient) *Keys { return &Keys{rdb, time.Now} }

// Create makes a key as k describes it, and fills in ID, Prefix, Last4 and CreatedAt.
// The text is the key itself: it is returned only here and stored nowhere.
func (s *Keys) Create(ctx context.Context, k Key) (text string, made Key, err error) {
	text, r, err := s.newRecord(k)
	if err != nil {
		return "", Key{}, err
	}
	_, err = s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		s.add(ctx, p, r)
		s.appendChange(ctx, p, keyCreated, r.Key, k.CreatedBy)
		return nil
	})
	if err != nil {
		return "", Key{}, fmt.Errorf("create API key: %w", unavailable(err))
	}
	return text, r.Key, nil
}

func (s *Keys) newRecord(k Key) (text string, r record, err error) {
	k.Env = cmp.Or(k.Env, "live")
	k.Scopes = slices.Compact(slices.Sorted(slices.Values(k.Scopes)))
	k.CreatedAt, k.LastUsedAt, k.RevokedAt = s.now().UTC().Truncate(time.Millisecond), time.Time{}, time.Time{}
	k.ExpiresAt = k.ExpiresAt.Truncate(time.Millisecond)
	if err := k.check(); err != nil {
		return "", record{}, err
	}
	text, t := newToken(k.Env)
	k.ID, k.Last4, k.Prefix = t.id, t.tail, tokenPrefix+k.Env+"_"+t.id
	return text, record{k, t.hash}, nil
}

func (s *Keys) add(ctx context.Context, p redis.Pipeliner, r record) {
	p.HSet(ctx, recordKey(r.ID), r.fields()...)
	p.ZAdd(ctx, indexKey, redis.Z{Score: float64(r.CreatedAt.UnixMilli()), Member: r.ID})
}

// List returns every key, the oldest first.
func (s *Keys) List(ctx context.Context) ([]Key, error) {
	ids, err := s.rdb.ZRange(ctx, indexKey, 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", unavailable(err))
	}
	keys := make([]Key, 0, len(ids))
	for _, id := range ids {
		r, err := s.read(ctx, id)
		if err != nil {
			return nil, err
		}
		keys = append(keys, r.Key)
	}
	return keys, nil
}

// Revoke ends a key for good, everywhere within a second. Revoking it again changes
// nothing. CodeNotFound if there is no such key.
func (s *Keys) Revoke(ctx context.Context, id, by string) (Key, error) {
	old, err := s.read(ctx, id)
	if err != nil || !old.RevokedAt.IsZero() {
		return old.Key, err
	}
	_, err = s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSetNX(ctx, recordKey(id), fieldRevokedAt, writeTime(s.now()))
		s.appendChange(ctx, p, keyRevoked, old.Key, by)
		return nil
	})
	if err != nil {
		return Key{}, fmt.Errorf("revoke API key: %w", unavailable(err))
	}
	r, err := s.read(ctx, id)
	return r.Key, err
}

// Rotate makes a key with the rights and lifetime of the key of that ID. The old one
// ends after the overlap, or at its own end if that is earlier. CodeNotFound if there
// is no such key, CodeConflict if it has ended.
func (s *Keys) Rotate(ctx context.Context, id string, overlap time.Duration, by string) (text string, made Key, err error) {
	old, err := s.read(ctx, id)
	if err != nil {
		return "", Key{}, err
	}
	now := s.now()
	if !old.Active(now) {
		return "", Key{}, tasks.Errorf(tasks.CodeConflict, "the key %s has ended; make a new one", id)
	}
	next, end := old.Key, now.Add(max(overlap, 0))
	if !old.ExpiresAt.IsZero() {
		next.ExpiresAt = now.Add(old.ExpiresAt.Sub(old.CreatedAt)).UTC()
		end = earlier(end, old.ExpiresAt)
	}
	next.Replaces, next.CreatedBy = id, by
	text, r, err := s.newRecord(next)
	if err != nil {
		return "", Key{}, err
	}
	_, err = s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		s.add(ctx, p, r)
		p.HSet(ctx, recordKey(id), fieldExpiresAt, writeTime(end))
		s.appendChange(ctx, p, keyRotated, old.Key, by)
		s.appendChange(ctx, p, keyCreated, r.Key, by)
		return nil
	})
	if err != nil {
		return "", Key{}, fmt.Errorf("rotate API key: %w", unavailable(err))
	}
	return text, r.Key, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// read returns the record of a key. CodeNotFound if there is none.
func (s *Keys) read(ctx context.Context, id string) (record, error) {
	notFound := tasks.Errorf(tasks.CodeNotFound, "there is no API key of that ID; \"spillway keys list\" shows them")
	if !idPattern.MatchString(id) {
		return record{}, notFound
	}
	h, err := s.rdb.HGetAll(ctx, recordKey(id)).Result()
	if err != nil {
		return record{}, fmt.Errorf("read API key: %w", unavailable(err))
	}
	if len(h) == 0 {
		return record{}, notFound
	}
	return readRecord(id, h)
}

// used sets when a key was last used.
func (s *Keys) used(ctx context.Context, id string, at time.Time) error {
	return unavailable(s.rdb.HSet(ctx, recordKey(id), fieldLastUsed, strconv.FormatInt(at.UnixMilli(), 10)).Err())
}
