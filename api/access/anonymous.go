package access

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

var (
	// anonymousRate is how often an address may call without a valid credential.
	anonymousRate = Rate{Requests: 300, Per: time.Minute, Burst: 300}
	// totalRefusalRate is how many refusals of all addresses together are answered,
	// and written to the audit log, as what they are. Beyond it callers without a valid
	// credential get 429, which is not recorded: a disk would be full within days.
	totalRefusalRate = Rate{Requests: 1000, Per: time.Minute, Burst: 1000}
	// lookupRate is how often credentials that are not cached are looked up for an
	// address that was refused too often.
	lookupRate = Rate{Requests: 60, Per: time.Minute, Burst: 20}
	// loginRate is how often an address may try to log in.
	loginRate = Rate{Requests: 10, Per: time.Minute, Burst: 10}
)

// maxNetworks is how many networks a networkLimiter keeps at once.
const maxNetworks = 10_000

// networkLimiter limits requests by network. It counts in this process alone:
// anonymous callers must cost Redis nothing.
type networkLimiter struct {
	rate Rate
	now  func() time.Time

	mu       sync.Mutex // guards limiters
	limiters map[netip.Prefix]*rate.Limiter
}

func newNetworkLimiter(r Rate, now func() time.Time) *networkLimiter {
	return &networkLimiter{rate: r, now: now, limiters: make(map[netip.Prefix]*rate.Limiter)}
}

// limiter returns a token bucket for the rate.
func (r Rate) limiter() *rate.Limiter { return rate.NewLimiter(rate.Every(r.each()), r.Burst) }

// networkOf returns what an address is counted under: a caller with one IPv6 address
// has the whole /64.
func networkOf(address netip.Addr) netip.Prefix {
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(address, bits).Masked()
}

// allow counts a request, and returns how long the address must wait if that was
// one too many.
func (l *networkLimiter) allow(address netip.Addr) (wait time.Duration, ok bool) {
	now, limiter := l.now(), l.of(address)
	if limiter.AllowN(now, 1) {
		return 0, true
	}
	return waitFor(limiter, now), false
}

// exhausted reports whether the next request of an address would be one too many.
func (l *networkLimiter) exhausted(address netip.Addr) bool {
	return l.of(address).TokensAt(l.now()) < 1
}

// waitFor returns the time until a limiter has its next token.
func waitFor(l *rate.Limiter, now time.Time) time.Duration {
	return time.Duration((1 - l.TokensAt(now)) / float64(l.Limit()) * float64(time.Second))
}

func (l *networkLimiter) of(address netip.Addr) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	network := networkOf(address)
	limiter, ok := l.limiters[network]
	if !ok {
		if len(l.limiters) >= maxNetworks {
			l.evict()
		}
		limiter = l.rate.limiter()
		l.limiters[network] = limiter
	}
	return limiter
}

// evict makes room: it drops networks that have been quiet, or else a part of all,
// so that a caller with very many addresses does not cause a scan at each request.
// It needs the lock.
func (l *networkLimiter) evict() {
	now := l.now()
	for network, limiter := range l.limiters {
		if limiter.TokensAt(now) >= float64(l.rate.Burst) {
			delete(l.limiters, network)
		}
	}
	for network := range l.limiters {
		if len(l.limiters) <= maxNetworks*9/10 {
			return
		}
		delete(l.limiters, network)
	}
}
