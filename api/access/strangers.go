package access

import (
	"net/netip"
	"sync"
	"time"
)

// strangerRate is how often an address may call without a credential that
// counts.
var strangerRate = Rate{Requests: 300, Per: time.Minute, Burst: 300}

// guessRate is how often a credential is looked up that was not seen before, from
// an address that was refused too often.
var guessRate = Rate{Requests: 60, Per: time.Minute, Burst: 20}

// loginRate is how often somebody at an address may try to log in.
var loginRate = Rate{Requests: 10, Per: time.Minute, Burst: 10}

// maxStrangers is how many addresses are watched at once.
const maxStrangers = 10_000

// strangers counts requests without a credential by address, in this process
// alone: they must cost Redis nothing.
type strangers struct {
	rate Rate
	now  func() time.Time

	mu      sync.Mutex // guards drained
	drained map[netip.Prefix]time.Time
}

func newStrangers(rate Rate, now func() time.Time) *strangers {
	return &strangers{rate: rate, now: now, drained: make(map[netip.Prefix]time.Time)}
}

// network is what an address is counted under: who has one IPv6 address has
// the whole /64.
func network(address netip.Addr) netip.Prefix {
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(address, bits).Masked()
}

// take counts a request, and returns how long the address must wait if that was
// one too many.
func (s *strangers) take(address netip.Addr) (wait time.Duration, ok bool) {
	return s.count(address, true)
}

// check tells as take does, without counting.
func (s *strangers) check(address netip.Addr) (wait time.Duration, ok bool) {
	return s.count(address, false)
}

func (s *strangers) count(address netip.Addr, add bool) (wait time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, who := s.now(), network(address)
	drained := s.drained[who]
	if drained.Before(now) {
		drained = now
	}
	each := s.rate.each()
	if wait = drained.Add(each).Sub(now) - each*time.Duration(s.rate.Burst); wait > 0 {
		return wait, false
	}
	if add {
		if len(s.drained) >= maxStrangers {
			s.forget(now)
		}
		s.drained[who] = drained.Add(each)
	}
	return 0, true
}

// forget makes room, by the addresses that have been quiet or else by a part of
// all: someone with very many addresses must not have it look at all of them at
// each request. It needs the lock.
func (s *strangers) forget(now time.Time) {
	for who, drained := range s.drained {
		if drained.Before(now) {
			delete(s.drained, who)
		}
	}
	for who := range s.drained {
		if len(s.drained) <= maxStrangers*9/10 {
			return
		}
		delete(s.drained, who)
	}
}
