package webhook

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// route is where one tenant's webhooks to one host go. A problem on it affects no
// other tenant, even where many have a receiver at the same host.
type route struct{ tenant, host string }

// limits are how many deliveries may be under way at once.
type limits struct {
	start  int // on a route that is new or slow
	most   int // on a route that answers quickly
	tenant int // of a tenant, on all its routes
	all    int // when so many are under way, tenants share half of it evenly
}

const (
	// quick is an answer after which a route may have one more delivery in flight.
	quick = 250 * time.Millisecond
	// maxWaitForSlot is how long a delivery waits for a slot.
	maxWaitForSlot = time.Second
	// maxWaiters bounds how many deliveries of a tenant wait.
	maxWaiters = 256
	// guessed is how long a delivery is assumed to take on a new route.
	guessed = time.Second
	// busySoonest and busyLatest bound when a delivery that found no slot is retried.
	busySoonest = time.Second
	busyLatest  = 5 * time.Minute
	// maxRoutes and maxTenants bound how many routes and tenants are remembered.
	maxRoutes  = 10_000
	maxTenants = 10_000
)

// limiter bounds how many deliveries are in flight, on each route, for each tenant
// and in all. A route that answers quickly gets more slots, one that is slow or
// overloaded fewer, and one that does not answer at all a single one.
type limiter struct {
	limits

	mu      sync.Mutex // guards the rest, and what it points to
	routes  map[route]*routeLoad
	tenants map[string]*tenant
	busy    int // tenants that have a delivery in flight or waiting
	waiting int
}

// pacing is how long deliveries take, and when those that found no slot are retried.
type pacing struct {
	latency   time.Duration // mean of the latest deliveries; 0: nothing is known
	nextRetry time.Time     // when the last delivery that found no slot is retried
}

// routeLoad is the load of a route.
type routeLoad struct {
	pacing

	most     int // deliveries at once
	inFlight int
	waiting  int  // for a slot
	silent   bool // the last try got no answer
}

// tenant is the load of a tenant, on all its routes.
type tenant struct {
	pacing

	inFlight int
	silent   int    // of those in flight, on routes that were silent when they began
	silence  pacing // of deliveries on such routes
	waiters  []*waiter
	counted  bool // in limiter.busy
}

// waiter is a delivery that waits for a slot.
type waiter struct {
	route   route
	ready   chan struct{} // closed when it has one
	release func(Outcome) // set before ready is closed
}

func newLimiter(l limits) *limiter {
	return &limiter{limits: l, routes: map[route]*routeLoad{}, tenants: map[string]*tenant{}}
}

// acquire takes a slot for a delivery; release returns it, with the outcome. Where
// one will soon be free it waits. Else release is nil, and later is after how long
// to try again.
func (p *limiter) acquire(ctx context.Context, r route) (release func(Outcome), later time.Duration) {
	p.mu.Lock()
	t, tn := p.loadOf(r), p.tenantOf(r.tenant)
	if t.waiting == 0 && p.free(t, tn) {
		defer p.mu.Unlock()
		return p.begin(t, tn), 0
	}
	if !p.canWait(t, tn) {
		defer p.mu.Unlock()
		return nil, p.retryAfter(t, tn)
	}
	w := &waiter{route: r, ready: make(chan struct{})}
	tn.waiters = append(tn.waiters, w)
	t.waiting++
	p.waiting++
	p.count(tn)
	p.mu.Unlock()

	timer := time.NewTimer(maxWaitForSlot)
	defer timer.Stop()
	select {
	case <-w.ready:
		return w.release, 0
	case <-timer.C:
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.release != nil {
		return w.release, 0 // admitted meanwhile
	}
	p.dequeue(w, t, tn)
	return nil, p.retryAfter(t, tn)
}

// The methods below need the lock.

func (p *limiter) loadOf(r route) *routeLoad {
	t := p.routes[r]
	if t == nil {
		if len(p.routes) >= maxRoutes {
			p.dropIdleRoutes()
		}
		t = &routeLoad{most: p.start}
		p.routes[r] = t
	}
	return t
}

func (p *limiter) dropIdleRoutes() {
	for r, t := range p.routes {
		if t.inFlight+t.waiting == 0 {
			delete(p.routes, r)
		}
	}
}

func (p *limiter) tenantOf(name string) *tenant {
	tn := p.tenants[name]
	if tn == nil {
		if len(p.tenants) >= maxTenants {
			p.dropIdleTenants()
		}
		tn = &tenant{}
		p.tenants[name] = tn
	}
	return tn
}

func (p *limiter) dropIdleTenants() {
	for name, tn := range p.tenants {
		if !tn.counted {
			delete(p.tenants, name)
		}
	}
}

// count adds a tenant to the busy ones, or takes it out.
func (p *limiter) count(tn *tenant) {
	busy := tn.inFlight+len(tn.waiters) > 0
	if busy == tn.counted {
		return
	}
	tn.counted = busy
	if busy {
		p.busy++
	} else {
		p.busy--
	}
}

// share is how many deliveries a tenant may have in flight.
func (p *limiter) share(tn *tenant) int {
	busy := p.busy
	if !tn.counted {
		busy++
	}
	return min(p.tenant, max(p.all/2/busy, 1))
}

// silentShare is how many of them may be on silent routes: half, so that its other
// routes go on.
func silentShare(share int) int { return (share + 1) / 2 }

// free reports whether a delivery may begin.
func (p *limiter) free(t *routeLoad, tn *tenant) bool {
	share := p.share(tn)
	if t.silent && tn.silent >= silentShare(share) {
		return false
	}
	return t.inFlight < t.most && tn.inFlight < share
}

// canWait reports whether a slot is expected within maxWaitForSlot, on the route and
// for the tenant.
func (p *limiter) canWait(t *routeLoad, tn *tenant) bool {
	if t.silent || len(tn.waiters) >= maxWaiters || p.waiting >= p.all {
		return false
	}
	share := p.share(tn)
	return t.wait(t.waiting+1, t.most) <= maxWaitForSlot && (tn.inFlight < share || tn.wait(len(tn.waiters)+1, share) <= maxWaitForSlot)
}

// retryAfter returns when to retry a delivery that found no slot: after those that
// found none before it. An earlier retry would find none either, and cost more than
// it is worth.
func (p *limiter) retryAfter(t *routeLoad, tn *tenant) time.Duration {
	p.count(tn)
	share := p.share(tn)
	var after time.Duration
	if t.silent && tn.silent >= silentShare(share) {
		after = tn.silence.retryAfter(silentShare(share))
	}
	if tn.inFlight >= share {
		after = max(after, tn.retryAfter(share))
	}
	if t.inFlight >= t.most || after == 0 {
		after = max(after, t.retryAfter(t.most))
	}
	return after
}

// begin takes a slot.
func (p *limiter) begin(t *routeLoad, tn *tenant) (release func(Outcome)) {
	silent := 0
	if t.silent {
		silent = 1
	}
	t.inFlight++
	tn.inFlight++
	tn.silent += silent
	p.count(tn)
	return func(o Outcome) {
		p.mu.Lock()
		defer p.mu.Unlock()
		t.inFlight--
		tn.inFlight--
		tn.silent -= silent
		if o.tried() {
			p.learn(t, o)
			tn.learn(o.Took)
			if silent > 0 {
				tn.silence.learn(o.Took)
			}
		}
		p.admitNext(tn)
		p.count(tn)
	}
}

// admitNext gives the free slots of a tenant to its first waiters that can use them.
func (p *limiter) admitNext(tn *tenant) {
	for i := 0; i < len(tn.waiters); {
		w := tn.waiters[i]
		t := p.routes[w.route]
		if !p.free(t, tn) {
			i++
			continue
		}
		p.dequeue(w, t, tn)
		w.release = p.begin(t, tn)
		close(w.ready)
	}
}

// dequeue removes a waiter.
func (p *limiter) dequeue(w *waiter, t *routeLoad, tn *tenant) {
	tn.waiters = slices.DeleteFunc(tn.waiters, func(other *waiter) bool { return other == w })
	t.waiting--
	p.waiting--
}

// learn adjusts the slots of a route to the outcome of a delivery.
func (p *limiter) learn(t *routeLoad, o Outcome) {
	switch {
	case o.silence():
		t.silent, t.most, t.latency = true, 1, max(o.Took, quick)
		return
	case t.silent:
		*t = routeLoad{most: p.start, inFlight: t.inFlight, waiting: t.waiting}
	}
	t.learn(o.Took)
	switch {
	case o.overload():
		t.most = max(t.most/2, 1)
	case o.Took <= quick:
		t.most = min(t.most+1, p.most)
	default:
		t.most = max(t.most/2, min(t.most, p.start))
	}
}

func (p *pacing) learn(took time.Duration) {
	if p.latency == 0 {
		p.latency = took
	}
	p.latency += (took - p.latency) / 4
}

// wait is how long the n-th waiter waits where all of so many slots are taken.
func (p *pacing) wait(n, slots int) time.Duration {
	return time.Duration(n) * cmp.Or(p.latency, guessed) / time.Duration(slots)
}

// retryAfter returns when the next delivery that finds none of so many slots free
// is retried.
func (p *pacing) retryAfter(slots int) time.Duration {
	now := time.Now()
	p.nextRetry = later(p.nextRetry, now.Add(busySoonest)).Add(p.wait(1, slots))
	if latest := now.Add(busyLatest); p.nextRetry.After(latest) {
		p.nextRetry = latest
	}
	return p.nextRetry.Sub(now)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
