package api

import (
	"sync"
	"time"

	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

// slots bounds how many event streams and waits are open at once. A tenant gets one
// more while it has fewer than are free: the first that takes all it can gets half,
// and each one after it half of the rest.
type slots struct {
	mu    sync.Mutex // guards the rest
	free  int
	taken map[string]int // by tenant; without those that have none
}

func newSlots(n int) *slots { return &slots{free: n, taken: map[string]int{}} }

// acquire takes a slot for a tenant. CodeUnavailable if none is free, CodeQuota if
// the tenant has its share.
func (s *slots) acquire(tenant string, alone bool) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.taken[tenant]
	if s.free == 0 {
		return nil, tasks.Errorf(tasks.CodeUnavailable, "Too many event streams and waits are open; try again shortly, or poll.")
	}
	if held >= s.free && !alone {
		return nil, tasks.Errorf(tasks.CodeQuota, "This tenant has %d event streams and waits open, its share of all; close some, or poll.",
			held).WithRetryAfter(httpx.RetryUnavailable * time.Second)
	}
	s.free--
	s.taken[tenant]++
	return func() { s.release(tenant) }, nil
}

// release frees a slot of a tenant.
func (s *slots) release(tenant string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
	if s.taken[tenant]--; s.taken[tenant] == 0 {
		delete(s.taken, tenant)
	}
}
