package endpoints

import (
	"sync"
	"time"
)

const (
	// subscribersFor is how long what a tenant's endpoints want is remembered, so
	// that not every event asks Redis: a change holds within a second.
	subscribersFor = time.Second
	// maxRemembered bounds the tenants that are remembered.
	maxRemembered = 1000
)

// subscribers remembers tenants' endpoints for a moment.
type subscribers struct {
	mu       sync.Mutex
	byTenant map[string]remembered
}

type remembered struct {
	records []*record // not changed
	until   time.Time
}

func (s *subscribers) recall(tenant string, now time.Time) ([]*record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.byTenant[tenant]
	return r.records, ok && now.Before(r.until)
}

func (s *subscribers) remember(tenant string, records []*record, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byTenant == nil || len(s.byTenant) >= maxRemembered {
		s.byTenant = map[string]remembered{}
	}
	s.byTenant[tenant] = remembered{records, now.Add(subscribersFor)}
}
