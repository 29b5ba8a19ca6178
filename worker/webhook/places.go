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
	busyLatest  = 5 * time.Minute
	// maxLanes and maxTenants bound how many lanes and tenants are remembered.
	maxLanes   = 10_000
	maxTenants = 10_000
)

// places bounds how many deliveries are under way, on each lane, for each tenant
// and in all. A lane that answers quickly gets more places, one that is slow or
// overloaded fewer, and one that does not answer at all a single one.
type places struct {
	limits

	mu      sync.Mutex // guards the rest, and what it leads to
	lanes   map[lane]*traffic
	tenants map[string]*tenant
	busy    int // tenants that have a delivery under way or in line
	inLine  int
}

// pace is how fast deliveries are done with, and when those come again that were
// turned away.
type pace struct {
	took   time.Duration // mean of the latest deliveries; 0: nothing is known
	turned time.Time     // when the last that was turned away comes again
}

// traffic is what is known of a lane.
type traffic struct {
	pace

	most   int  // deliveries at once
	going  int  // under way
	inLine int  // waiting for a place
	silent bool // the last try got no answer
}

// tenant is what is under way for one, on all its lanes.
type tenant struct {
	pace

	going   int
	silent  int  // of those, on lanes that were silent when they began
	silence pace // of the deliveries on such lanes
	line    []*waiter
	counted bool // among the busy
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
		return p.begin(t, who), 0
	}
	if !p.mayWait(t, who) {
		defer p.mu.Unlock()
		return nil, p.turnAway(t, who)
	}
	w := &waiter{lane: l, turn: make(chan struct{})}
	who.line = append(who.line, w)
	t.inLine++
	p.inLine++
	p.count(who)
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
	return nil, p.turnAway(t, who)
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
		if len(p.tenants) >= maxTenants {
			p.forgetTenants()
		}
		who = &tenant{}
		p.tenants[name] = who
	}
	return who
}

func (p *places) forgetTenants() {
	for name, who := range p.tenants {
		if !who.counted {
			delete(p.tenants, name)
		}
	}
}

// count counts a tenant among the busy, or no longer.
func (p *places) count(who *tenant) {
	busy := who.going+len(who.line) > 0
	if busy == who.counted {
		return
	}
	who.counted = busy
	if busy {
		p.busy++
	} else {
		p.busy--
	}
}

// share is how many deliveries a tenant may have under way.
func (p *places) share(who *tenant) int {
	busy := p.busy
	if !who.counted {
		busy++
	}
	return min(p.tenant, max(p.all/2/busy, 1))
}

// silentShare is how many of them may be on lanes that are silent: half, so that
// its other lanes go on.
func silentShare(share int) int { return (share + 1) / 2 }

// free reports whether a delivery may begin.
func (p *places) free(t *traffic, who *tenant) bool {
	share := p.share(who)
	if t.silent && who.silent >= silentShare(share) {
		return false
	}
	return t.going < t.most && who.going < share
}

// mayWait reports whether a place will be free within lineWait, as far as can be
// told: on the lane, and for the tenant.
func (p *places) mayWait(t *traffic, who *tenant) bool {
	if t.silent || len(who.line) >= maxLine || p.inLine >= p.all {
		return false
	}
	share := p.share(who)
	return t.wait(t.inLine+1, t.most) <= lineWait && (who.going < share || who.wait(len(who.line)+1, share) <= lineWait)
}

// turnAway returns after how long a delivery should come again: when those are
// done with that were turned away before it, for want of a place on the lane or
// of the tenant's. All that come before that are turned away again, and cost more
// than they are worth.
func (p *places) turnAway(t *traffic, who *tenant) time.Duration {
	p.count(who)
	share := p.share(who)
	var after time.Duration
	if t.silent && who.silent >= silentShare(share) {
		after = who.silence.turnAway(silentShare(share))
	}
	if who.going >= share {
		after = max(after, who.turnAway(share))
	}
	if t.going >= t.most || after == 0 {
		after = max(after, t.turnAway(t.most))
	}
	return after
}

// begin takes a place.
func (p *places) begin(t *traffic, who *tenant) (leave func(Outcome)) {
	silent := 0
	if t.silent {
		silent = 1
	}
	t.going++
	who.going++
	who.silent += silent
	p.count(who)
	return func(o Outcome) {
		p.mu.Lock()
		defer p.mu.Unlock()
		t.going--
		who.going--
		who.silent -= silent
		if o.tried() {
			p.learn(t, o)
			who.learn(o.Took)
			if silent > 0 {
				who.silence.learn(o.Took)
			}
		}
		p.callUp(who)
		p.count(who)
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
		w.leave = p.begin(t, who)
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
	case o.silence():
		t.silent, t.most, t.took = true, 1, max(o.Took, quick)
		return
	case t.silent:
		*t = traffic{most: p.start, going: t.going, inLine: t.inLine}
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

func (p *pace) learn(took time.Duration) {
	if p.took == 0 {
		p.took = took
	}
	p.took += (took - p.took) / 4
}

// wait is how long the n-th in line waits where so many are under way at once and
// no place stands empty.
func (p *pace) wait(n, places int) time.Duration {
	return time.Duration(n) * cmp.Or(p.took, guessed) / time.Duration(places)
}

// turnAway returns after how long the next one should come that finds none of so
// many places free.
func (p *pace) turnAway(places int) time.Duration {
	now := time.Now()
	p.turned = later(p.turned, now.Add(busySoonest)).Add(p.wait(1, places))
	if latest := now.Add(busyLatest); p.turned.After(latest) {
		p.turned = latest
	}
	return p.turned.Sub(now)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
