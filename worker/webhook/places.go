package webhook

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// lane is the way of one tenant's webhooks to one host. What goes wrong on it is
// no other tenant's concern, also where many have a receiver at the same host.
type lane struct{ tenant, host string }

// limits are how many deliveries may be under way at once.
type limits struct {
	start  int // on a lane of which nothing is known, or that is slow
	most   int // on a lane that answers quickly
	tenant int // of a tenant, on all its lanes
	all    int // when so many are under way, tenants share half of it evenly
}

const (
	// quick is an answer after which a lane may have one more delivery at once.
	quick = 250 * time.Millisecond
	// lineWait is how long a delivery waits in line for a place.
	lineWait = time.Second
	// maxLine bounds a tenant's line.
	maxLine = 256
	// guessed is how long a delivery takes on a lane of which nothing is known.
	guessed = time.Second
	// busySoonest and busyLatest bound when who was turned away comes again.
	busySoonest = time.Second
	busyLatest  = time.Minute
	// maxLanes bounds how many lanes are remembered.
	maxLanes = 10_000
)

// places bounds how many deliveries are under way, on each lane, for each tenant
// and in all. A lane that answers quickly gets more places, one that is slow or
// overloaded fewer, and one that does not answer at all a single one.
type places struct {
	limits

	mu      sync.Mutex // guards the rest, and what it leads to
	lanes   map[lane]*traffic
	tenants map[string]*tenant // that have a delivery under way or in line
	inLine  int
}

// traffic is what is known of a lane.
type traffic struct {
	most   int           // deliveries at once
	going  int           // under way
	inLine int           // waiting for a place
	took   time.Duration // mean of the latest deliveries; 0: nothing is known
	silent bool          // the last try got no answer
	turned time.Time     // when the last that was turned away comes again
}

// tenant is what is under way for one.
type tenant struct {
	going  int
	silent int // of those, on lanes that were silent when they began
	line   []*waiter
}

// waiter waits in line for its turn.
type waiter struct {
	lane  lane
	turn  chan struct{} // closed when it comes
	leave func(Outcome) // set before that
}

func newPlaces(l limits) *places {
	return &places{limits: l, lanes: map[lane]*traffic{}, tenants: map[string]*tenant{}}
}

// enter takes a place for a delivery, which leave gives back with how it went.
// Where one will soon be free it waits for it; else leave is nil, and later is
// after how long it is worth coming again.
func (p *places) enter(ctx context.Context, l lane) (leave func(Outcome), later time.Duration) {
	p.mu.Lock()
	t, who := p.trafficOf(l), p.tenantOf(l.tenant)
	if t.inLine == 0 && p.free(t, who) {
		defer p.mu.Unlock()
		return p.begin(l, t, who), 0
	}
	if !p.mayWait(t, who) {
		defer p.mu.Unlock()
		p.forget(l.tenant, who)
		return nil, t.turnAway()
	}
	w := &waiter{lane: l, turn: make(chan struct{})}
	who.line = append(who.line, w)
	t.inLine++
	p.inLine++
	p.mu.Unlock()

	timer := time.NewTimer(lineWait)
	defer timer.Stop()
	select {
	case <-w.turn:
		return w.leave, 0
	case <-timer.C:
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.leave != nil {
		return w.leave, 0 // just now
	}
	p.quit(w, t, who)
	p.forget(l.tenant, who)
	return nil, t.turnAway()
}

// What follows needs the lock.

func (p *places) trafficOf(l lane) *traffic {
	t := p.lanes[l]
	if t == nil {
		if len(p.lanes) >= maxLanes {
			p.forgetIdle()
		}
		t = &traffic{most: p.start}
		p.lanes[l] = t
	}
	return t
}

func (p *places) forgetIdle() {
	for l, t := range p.lanes {
		if t.going+t.inLine == 0 {
			delete(p.lanes, l)
		}
	}
}

func (p *places) tenantOf(name string) *tenant {
	who := p.tenants[name]
	if who == nil {
		who = &tenant{}
		p.tenants[name] = who
	}
	return who
}

func (p *places) forget(name string, who *tenant) {
	if who.going == 0 && len(who.line) == 0 {
		delete(p.tenants, name)
	}
}

// free reports whether a delivery may begin. Lanes that are silent hold half of
// what a tenant has at most, so that its other lanes go on.
func (p *places) free(t *traffic, who *tenant) bool {
	share := min(p.tenant, max(p.all/2/max(len(p.tenants), 1), 1))
	if t.silent && who.silent >= (share+1)/2 {
		return false
	}
	return t.going < t.most && who.going < share
}

// mayWait reports whether a place will be free within lineWait, as far as can be
// told.
func (p *places) mayWait(t *traffic, who *tenant) bool {
	return !t.silent && len(who.line) < maxLine && p.inLine < p.all && time.Duration(t.inLine+1)*t.each() <= lineWait
}

// begin takes a place.
func (p *places) begin(l lane, t *traffic, who *tenant) (leave func(Outcome)) {
	silent := 0
	if t.silent {
		silent = 1
	}
	t.going++
	who.going++
	who.silent += silent
	return func(o Outcome) {
		p.mu.Lock()
		defer p.mu.Unlock()
		t.going--
		who.going--
		who.silent -= silent
		p.learn(t, o)
		p.callUp(who)
		p.forget(l.tenant, who)
	}
}

// callUp gives the free places of a tenant to the first in its line who can use
// them.
func (p *places) callUp(who *tenant) {
	for i := 0; i < len(who.line); {
		w := who.line[i]
		t := p.lanes[w.lane]
		if !p.free(t, who) {
			i++
			continue
		}
		p.quit(w, t, who)
		w.leave = p.begin(w.lane, t, who)
		close(w.turn)
	}
}

// quit takes a waiter out of the line.
func (p *places) quit(w *waiter, t *traffic, who *tenant) {
	who.line = slices.DeleteFunc(who.line, func(other *waiter) bool { return other == w })
	t.inLine--
	p.inLine--
}

// learn draws from a delivery how many its lane bears.
func (p *places) learn(t *traffic, o Outcome) {
	switch {
	case o.Class == Interrupted || o.Class == Forbidden:
		return
	case o.silence():
		t.silent, t.most, t.took = true, 1, max(o.Took, quick)
		return
	case t.silent:
		*t = traffic{most: p.start, going: t.going, inLine: t.inLine}
	}
	if t.took == 0 {
		t.took = o.Took
	}
	t.took += (o.Took - t.took) / 4
	switch {
	case o.overload():
		t.most = max(t.most/2, 1)
	case o.Took <= quick:
		t.most = min(t.most+1, p.most)
	default:
		t.most = max(t.most/2, min(t.most, p.start))
	}
}

// each is the time between two deliveries of a lane that never stands still.
func (t *traffic) each() time.Duration { return cmp.Or(t.took, guessed) / time.Duration(t.most) }

// turnAway returns after how long a delivery should come again: when the lane is
// done with those that were turned away before it. All that come before that are
// turned away again, and cost more than they are worth.
func (t *traffic) turnAway() time.Duration {
	now := time.Now()
	t.turned = later(t.turned, now.Add(busySoonest)).Add(t.each())
	if latest := now.Add(busyLatest); t.turned.After(latest) {
		t.turned = latest
	}
	return t.turned.Sub(now)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
