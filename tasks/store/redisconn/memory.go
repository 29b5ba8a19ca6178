package redisconn

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// memoryKept is for how long a look at the memory of Redis counts.
	memoryKept = time.Second
	// memoryPatience is how long Redis may take to answer it.
	memoryPatience = 500 * time.Millisecond
)

// Memory looks at how much memory Redis uses, at most once a second. It is safe
// for concurrent use.
type Memory struct {
	rdb     redis.UniversalClient
	without int64 // the bound where maxmemory is 0; 0: none

	mu    sync.Mutex
	asked time.Time
	last  MemoryUse
}

// MemoryUse is the memory of the fullest master, in bytes. Limit is 0 where there
// is no bound, or nothing is known.
type MemoryUse struct{ Used, Limit int64 }

// Share is the part of the limit that is in use; 0 without a limit.
func (m MemoryUse) Share() float64 {
	if m.Limit <= 0 {
		return 0
	}
	return float64(m.Used) / float64(m.Limit)
}

// NewMemory returns a Memory of rdb. Where maxmemory is 0, without counts as the
// limit; 0 for none.
func NewMemory(rdb redis.UniversalClient, without int64) *Memory {
	return &Memory{rdb: rdb, without: without}
}

// Use returns how much memory is in use. What Redis does not say, or not in time,
// counts as unlimited: it is Redis itself that refuses to take more.
func (m *Memory) Use(ctx context.Context) MemoryUse {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(m.asked) < memoryKept {
		return m.last
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), memoryPatience)
	defer cancel()
	m.last, m.asked = m.look(ctx), time.Now()
	return m.last
}

func (m *Memory) look(ctx context.Context) MemoryUse {
	var fullest MemoryUse
	var mu sync.Mutex
	one := func(ctx context.Context, server redis.Cmdable) error {
		text, err := server.Info(ctx, "memory").Result()
		if err != nil {
			return fmt.Errorf("ask Redis about its memory: %w", err)
		}
		var n Node
		n.read(parseInfo(text))
		use := MemoryUse{n.Used, n.Limit}
		if use.Limit == 0 {
			use.Limit = m.without
		}
		mu.Lock()
		defer mu.Unlock()
		if fullest == (MemoryUse{}) || use.Share() > fullest.Share() {
			fullest = use
		}
		return nil
	}
	var err error
	if cluster, ok := m.rdb.(interface {
		ForEachMaster(ctx context.Context, fn func(context.Context, *redis.Client) error) error
	}); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error { return one(ctx, master) })
	} else {
		err = one(ctx, m.rdb)
	}
	if err != nil {
		return MemoryUse{}
	}
	return fullest
}
