package api

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/topcentral/spillway/tasks"
)

const (
	// bodyMemoryFactor is how much more memory all bodies may take than one
	// submission has bytes at most.
	bodyMemoryFactor = 256
	// tenantShare is the part of it that one tenant may take: a quarter.
	tenantShare = 4
	// valueMemory is about what a parsed value takes, in bytes.
	valueMemory = 100
)

// memoryOf estimates what a body takes while it is checked and handed over: its
// text, a copy of the inputs in it, and its values, which need two bytes each.
func memoryOf(bytes, mostValues int64) int64 { return 2*bytes + valueMemory*min(bytes/2, mostValues) }

// bodyMemory bounds the memory that request bodies take at once, in the process
// and for each tenant, so that one tenant's large bodies do not starve the others.
// What does not fit waits its turn, unread.
type bodyMemory struct {
	limit int64 // of one tenant
	all   *semaphore.Weighted

	mu      sync.Mutex // guards tenants
	tenants map[string]*tenantMemory
}

// tenantMemory is what one tenant may take. It exists while it has users.
type tenantMemory struct {
	*semaphore.Weighted
	users int
}

func newBodyMemory(limit int64) *bodyMemory {
	return &bodyMemory{limit: limit / tenantShare, all: semaphore.NewWeighted(limit), tenants: map[string]*tenantMemory{}}
}

// reserve waits until a body of a tenant may take n bytes of memory, for as long
// as patience. CodeQuota when the tenant's own bodies leave no room, CodeUnavailable
// when those of all do.
func (m *bodyMemory) reserve(ctx context.Context, tenant string, n int64, patience time.Duration) (release func(), err error) {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	n = min(n, m.limit)
	own := m.enter(tenant)
	if err := own.Acquire(waiting, n); err != nil {
		m.leave(tenant, own)
		return nil, outOfMemory(ctx, tasks.Errorf(tasks.CodeQuota,
			"This tenant's other requests take all the memory that its request bodies may have; send fewer or smaller requests at once.").WithRetryAfter(time.Second))
	}
	if err := m.all.Acquire(waiting, n); err != nil {
		own.Release(n)
		m.leave(tenant, own)
		return nil, outOfMemory(ctx, tasks.Errorf(tasks.CodeUnavailable, "Too many large requests are being read; try again shortly."))
	}
	return sync.OnceFunc(func() {
		m.all.Release(n)
		own.Release(n)
		m.leave(tenant, own)
	}), nil
}

// outOfMemory returns err, unless the request itself has ended.
func outOfMemory(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (m *bodyMemory) enter(tenant string) *tenantMemory {
	m.mu.Lock()
	defer m.mu.Unlock()
	own, ok := m.tenants[tenant]
	if !ok {
		own = &tenantMemory{Weighted: semaphore.NewWeighted(m.limit)}
		m.tenants[tenant] = own
	}
	own.users++
	return own
}

func (m *bodyMemory) leave(tenant string, own *tenantMemory) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if own.users--; own.users == 0 {
		delete(m.tenants, tenant)
	}
}
