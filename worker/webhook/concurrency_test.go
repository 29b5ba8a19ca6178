package webhook

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// few are small limits: 2 to 4 on a route, 5 of a tenant.
var few = limits{start: 2, most: 4, tenant: 5, all: 100}

// answered outcomes of deliveries.
var (
	fast   = Outcome{Class: Delivered, Status: 200, Took: 10 * time.Millisecond}
	slow   = Outcome{Class: Delivered, Status: 200, Took: 5 * time.Second}
	silent = Outcome{Class: TimedOut, Took: 10 * time.Second}
)

// use takes so many slots one after the other, and gives each back.
func use(t *testing.T, p *limiter, l route, outcomes ...Outcome) {
	t.Helper()
	for _, o := range outcomes {
		release, _ := p.acquire(t.Context(), l)
		if release == nil {
			t.Fatalf("%v: no slot", l)
		}
		release(o)
	}
}

// fill takes slots until there is none, and returns them.
func fill(p *limiter, l route) (taken []func(Outcome)) {
	for {
		release, _ := p.acquire(over, l)
		if release == nil {
			return taken
		}
		taken = append(taken, release)
	}
}

// over is a context under which nothing waits.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func TestSlotsFollowTheRoute(t *testing.T) {
	many := func(o Outcome) []Outcome { return []Outcome{o, o, o, o, o, o, o, o} }
	busy := Outcome{Class: Rejected, Status: 429, Took: time.Millisecond}
	tests := []struct {
		name   string
		before []Outcome
		want   int
	}{
		{"unknown", nil, 2},
		{"quick", many(fast), 4},
		{"slow", many(slow), 2},
		{"slow after it was quick", append(many(fast), slow, slow), 2},
		{"overloaded", append(many(fast), busy, busy), 1},
		{"overloaded, and quick again", append([]Outcome{busy, busy, busy}, many(fast)...), 4},
		{"refuses, but quickly", many(Outcome{Class: Rejected, Status: 500, Took: time.Millisecond}), 4},
		{"does not answer", append(many(fast), silent), 1},
		{"no TLS", []Outcome{{Class: Insecure}}, 1},
		{"no connection", []Outcome{{Class: Unreachable}}, 1},
		{"answers again", []Outcome{silent, slow}, 2},
		{"answers quickly again", []Outcome{silent, fast}, 3},
		{"broken off by us", []Outcome{fast, {Class: Interrupted}}, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, l := newLimiter(few), route{"acme", "a"}
			use(t, p, l, tt.before...)
			if got := len(fill(p, l)); got != tt.want {
				t.Errorf("got %d slots, want %d", got, tt.want)
			}
		})
	}
}

func TestATenantHasItsShareWhateverItsHosts(t *testing.T) {
	p := newLimiter(few)
	got := 0
	for _, host := range []string{"a", "b", "c", "d"} {
		got += len(fill(p, route{"acme", host}))
	}
	if got != few.tenant {
		t.Errorf("got %d slots on four routes, want %d", got, few.tenant)
	}
	if got := len(fill(p, route{"other", "a"})); got != few.start {
		t.Errorf("another tenant, at one of these hosts: got %d slots, want %d", got, few.start)
	}
}

// The hosts of a tenant that do not answer leave half of its slots to the others.
func TestSilentRoutesLeaveATenantHalf(t *testing.T) {
	p := newLimiter(few)
	got := 0
	for _, host := range []string{"a", "b", "c", "d", "e"} {
		use(t, p, route{"acme", host}, silent)
	}
	for _, host := range []string{"a", "b", "c", "d", "e"} {
		got += len(fill(p, route{"acme", host}))
	}
	if want := 3; got != want {
		t.Errorf("silent routes: got %d slots, want %d", got, want)
	}
	if got := len(fill(p, route{"acme", "f"})); got != 2 {
		t.Errorf("another route: got %d slots, want 2", got)
	}
}

// However many tenants have hosts that hang, the next one finds a place.
func TestManyTenantsShareTheSlots(t *testing.T) {
	p, held := newLimiter(limits{start: 8, most: 32, tenant: 32, all: 128}), 0
	for n := range 64 {
		got := 0
		for _, host := range []string{"a", "b", "c", "d"} {
			got += len(fill(p, route{string(rune('A' + n)), host}))
		}
		if got == 0 {
			t.Fatalf("tenant %d of 64 has no slot", n+1)
		}
		held += got
	}
	if held > 2*128 {
		t.Errorf("%d deliveries are under way", held)
	}
}

// A delivery that finds no slot waits where one is expected soon, and is served in
// turn.
func TestWaitingForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := newLimiter(few), route{"acme", "a"}
		use(t, p, l, fast, fast, fast)
		taken := fill(p, l)
		var waiting sync.WaitGroup
		for range 20 {
			waiting.Go(func() {
				release, later := p.acquire(t.Context(), l)
				if release == nil {
					t.Errorf("no slot for %v", later)
					return
				}
				time.Sleep(fast.Took)
				release(fast)
			})
		}
		synctest.Wait()
		if p.waiting != 20 {
			t.Errorf("%d wait, want 20", p.waiting)
		}
		for _, release := range taken {
			release(fast)
		}
		waiting.Wait()
		if p.waiting != 0 || p.busy != 0 || p.routes[l].inFlight != 0 || p.routes[l].waiting != 0 {
			t.Errorf("still counted: %+v, %+v", p, p.routes[l])
		}
	})
}

// The line moves too when a place of the tenant's is what was missing.
func TestWaitersAreAdmittedWithinTheirTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLimiter(few)
		first := append(append(fill(p, route{"acme", "a"}), fill(p, route{"acme", "b"})...), fill(p, route{"acme", "c"})...)
		got := make(chan func(Outcome), 1)
		go func() {
			release, _ := p.acquire(t.Context(), route{"acme", "d"})
			got <- release
		}()
		synctest.Wait()
		first[0](fast)
		if release := <-got; release == nil {
			t.Error("no slot")
		} else {
			release(fast)
		}
		for _, release := range first[1:] {
			release(fast)
		}
		if p.busy != 0 {
			t.Errorf("still counted: %+v", p.tenants)
		}
	})
}

func TestNobodyWaitsInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLimiter(few)
		for name, before := range map[string]Outcome{"slow": slow, "silent": silent} {
			l := route{"acme", name}
			use(t, p, l, before)
			taken := fill(p, l)
			start := time.Now()
			if release, later := p.acquire(t.Context(), l); release != nil || later < busySoonest || time.Since(start) != 0 {
				t.Errorf("%s: got a place: %v, else after %v; waited %v", name, release != nil, later, time.Since(start))
			}
			for _, release := range taken {
				release(before)
			}
		}
		hangs := route{"acme", "hangs"}
		use(t, p, hangs, fast)
		fill(p, hangs)
		start := time.Now()
		if release, later := p.acquire(t.Context(), hangs); release != nil || later < busySoonest || time.Since(start) != maxWaitForSlot {
			t.Errorf("one that hangs all of a sudden: got a place: %v, else after %v; waited %v", release != nil, later, time.Since(start))
		}
		if p.waiting != 0 || len(p.tenants["acme"].waiters) != 0 {
			t.Error("still waiting")
		}
	})
}

// Deliveries that found no slot are retried at the rate of their route, and not all at
// once; nor ever later than busyLatest.
func TestRetriesFollowTheRateOfTheirRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := newLimiter(few), route{"acme", "a"}
		use(t, p, l, Outcome{Class: Delivered, Took: 4 * time.Second})
		fill(p, l) // 2 slots: one every 2 s
		p.routes[l].nextRetry = time.Time{}
		for n := range 200 {
			_, got := p.acquire(over, l)
			if want := min(busySoonest+time.Duration(n+1)*2*time.Second, busyLatest); got != want {
				t.Fatalf("number %d: got %v, want %v", n+1, got, want)
			}
		}
	})
}

// Two thousand hosts of a tenant that do not answer: each webhook that finds no
// place comes again at the pacing of its tenant, not at that of its own host.
func TestRetriesFollowTheRateOfTheirTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLimiter(limits{start: 8, most: 32, tenant: 32, all: 512})
		const hosts, span = 2_000, 10 * time.Minute
		var turns, tries atomic.Int64
		ctx, cancel := context.WithTimeout(t.Context(), span)
		defer cancel()
		var all sync.WaitGroup
		for n := range hosts {
			all.Go(func() {
				for ctx.Err() == nil {
					turns.Add(1)
					release, wait := p.acquire(ctx, route{"acme", string(rune('A' + n))})
					if release != nil {
						tries.Add(1)
						time.Sleep(silent.Took)
						release(silent)
						wait = 5 * time.Second // the schedule's first
					}
					select {
					case <-ctx.Done():
					case <-time.After(wait):
					}
				}
			})
		}
		all.Wait()
		// A turn costs Redis about ten commands.
		if got, most := int(turns.Load()), 2*hosts*int(span/busyLatest+1); got > most {
			t.Errorf("%d turns in %v, want %d at most", got, span, most)
		}
		if got, slots := int(tries.Load()), p.tenant/2; got < slots*int(span/silent.Took)*8/10 {
			t.Errorf("%d tries in %v: the tenant's slots were left free", got, span)
		}
		if release, _ := p.acquire(t.Context(), route{"acme", "well"}); release == nil {
			t.Error("a host of the tenant that answers got no slot")
		}
	})
}

func TestIdleRoutesAreDropped(t *testing.T) {
	p := newLimiter(few)
	held := fill(p, route{"acme", "held"})
	for n := range 2 * maxRoutes {
		use(t, p, route{"acme", string(rune(n))}, fast)
	}
	if got := len(p.routes); got > maxRoutes {
		t.Errorf("%d routes are remembered", got)
	}
	if got := p.routes[route{"acme", "held"}].inFlight; got != len(held) {
		t.Errorf("the route in use counts %d, want %d", got, len(held))
	}
}
