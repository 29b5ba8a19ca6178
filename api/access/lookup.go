package access

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// cacheTime is how long a key is used without reading it again. It bounds how long
	// a revoked key still works.
	cacheTime = 700 * time.Millisecond
	// maxCached is how many keys are cached.
	maxCached = 10_000
	// usedEvery is how often the use of a key is noted at most.
	usedEvery = time.Minute
)

// lookup reads keys through a cache.
type lookup struct {
	keys *Keys
	log  *slog.Logger

	mu    sync.Mutex // guards cache
	cache map[string]cachedKey
}

// cachedKey is a key as it was read.
type cachedKey struct {
	record
	readAt time.Time // when the read began
}

func newLookup(keys *Keys, log *slog.Logger) *lookup {
	return &lookup{keys: keys, log: log, cache: make(map[string]cachedKey)}
}

// read returns the record of a key that is at most cacheTime old.
func (l *lookup) read(ctx context.Context, id string) (record, error) {
	if k := l.cached(id); l.keys.now().Sub(k.readAt) < cacheTime {
		return k.record, nil
	}
	return l.refresh(ctx, id)
}

// refresh returns the record of a key as it is now.
func (l *lookup) refresh(ctx context.Context, id string) (record, error) {
	readAt := l.keys.now()
	r, err := l.keys.read(ctx, id)
	if err != nil {
		return r, err
	}
	if r.Active(readAt) && readAt.Sub(r.LastUsedAt) >= usedEvery {
		if err := l.keys.used(ctx, id, readAt); err != nil {
			l.log.WarnContext(ctx, "the last use of an API key could not be written", "key", id, "error", err)
		}
		r.LastUsedAt = readAt
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.cache) >= maxCached {
		l.evict(readAt)
	}
	l.cache[id] = cachedKey{r, readAt}
	return r, nil
}

// evict makes room: it drops keys that have not been used for a while, or else a
// part of all, so that the next call does not have to scan again. It needs the
// lock.
func (l *lookup) evict(now time.Time) {
	for id, k := range l.cache {
		if now.Sub(k.readAt) > usedEvery {
			delete(l.cache, id)
		}
	}
	for id := range l.cache {
		if len(l.cache) <= maxCached*9/10 {
			return
		}
		delete(l.cache, id)
	}
}

// cached returns a key as it was last read; the zero cachedKey if it never was.
func (l *lookup) cached(id string) cachedKey {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cache[id]
}

// isCached reports whether this very key was valid when it was last read.
func (l *lookup) isCached(t token) bool {
	k := l.cached(t.id)
	return !k.readAt.IsZero() && sameHash(k.hash, t.hash) && k.Active(l.keys.now())
}
