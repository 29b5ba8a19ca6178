package access

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// believed is how long a record of a key is used without reading it again. It
	// bounds how long a revoked key still works.
	believed = 700 * time.Millisecond
	// maxKnown is how many keys are remembered.
	maxKnown = 10_000
	// usedEvery is how often the use of a key is noted at most.
	usedEvery = time.Minute
)

// lookup reads keys, each at most every so often.
type lookup struct {
	keys *Keys
	log  *slog.Logger

	mu    sync.Mutex // guards known
	known map[string]known
}

// known is what was read of a key.
type known struct {
	record
	asked time.Time // when we began to read
}

func newLookup(keys *Keys, log *slog.Logger) *lookup {
	return &lookup{keys: keys, log: log, known: make(map[string]known)}
}

// recent returns the record of a key, as it was a moment ago at the earliest.
func (l *lookup) recent(ctx context.Context, id string) (record, error) {
	if k := l.last(id); l.keys.now().Sub(k.asked) < believed {
		return k.record, nil
	}
	return l.fresh(ctx, id)
}

// fresh returns the record of a key as it is now.
func (l *lookup) fresh(ctx context.Context, id string) (record, error) {
	asked := l.keys.now()
	r, err := l.keys.read(ctx, id)
	if err != nil {
		return r, err
	}
	if r.Active(asked) && asked.Sub(r.LastUsedAt) >= usedEvery {
		if err := l.keys.used(ctx, id, asked); err != nil {
			l.log.WarnContext(ctx, "use of an API key not noted", "key", id, "error", err)
		}
		r.LastUsedAt = asked
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known) >= maxKnown {
		l.forget(asked)
	}
	l.known[id] = known{r, asked}
	return r, nil
}

// forget makes room, by what was not used for a while or else by a part of all,
// so that it is not looked for room again at once. It needs the lock.
func (l *lookup) forget(now time.Time) {
	for id, k := range l.known {
		if now.Sub(k.asked) > usedEvery {
			delete(l.known, id)
		}
	}
	for id := range l.known {
		if len(l.known) <= maxKnown*9/10 {
			return
		}
		delete(l.known, id)
	}
}

// last returns what was read of a key last; the zero known if it never was.
func (l *lookup) last(id string) known {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known[id]
}

// met reports whether this very key was good when it was last read.
func (l *lookup) met(t token) bool {
	k := l.last(t.id)
	return !k.asked.IsZero() && sameHash(k.hash, t.hash) && k.Active(l.keys.now())
}
