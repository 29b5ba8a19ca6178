package api

import (
	"sync"
	"time"

	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

// slots bounds how many event streams and waits are open at once. A tenant gets
// one more while it holds fewer than are free: so the first that takes what it can
// gets half of all, and each one after it half of what is left.
type slots struct {
	mu    sync.Mutex // guards the rest
	free  int
	taken map[string]int // by tenant; those that hold none are not in it
}

func newSlots(n int) *slots { return &slots{free: n, taken: map[string]int{}} }

// enter takes a slot for a tenant. CodeUnavailable when none is free, CodeQuota
// when the tenant holds its part.
func (s *slots) enter(tenant string, alone bool) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.taken[tenant]
	if s.free == 0 {
		return nil, tasks.Errorf(tasks.CodeUnavailable, "Too many event streams and waits are open; try again, or poll.")
	}
	if held >= s.free && !alone {
		return nil, tasks.Errorf(tasks.CodeQuota, "This tenant has %d event streams and waits open, which is all it may have now; close some, or poll.",
			held).WithRetryAfter(httpx.RetryUnavailable * time.Second)
	}
	s.free--
	s.taken[tenant]++
	return func() { s.leave(tenant) }, nil
}

// leave gives back a slot of a tenant.
func (s *slots) leave(tenant string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
	if s.taken[tenant]--; s.taken[tenant] == 0 {
		delete(s.taken, tenant)
	}
}
