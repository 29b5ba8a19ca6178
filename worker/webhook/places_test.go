package webhook

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// few are small limits: 2 to 4 on a lane, 5 of a tenant.
var few = limits{start: 2, most: 4, tenant: 5, all: 100}

// answered outcomes of deliveries.
var (
	fast   = Outcome{Class: Delivered, Status: 200, Took: 10 * time.Millisecond}
	slow   = Outcome{Class: Delivered, Status: 200, Took: 5 * time.Second}
	silent = Outcome{Class: TimedOut, Took: 10 * time.Second}
)

// use takes so many places one after the other, and gives each back.
func use(t *testing.T, p *places, l lane, outcomes ...Outcome) {
	t.Helper()
	for _, o := range outcomes {
		leave, _ := p.enter(t.Context(), l)
		if leave == nil {
			t.Fatalf("%v: no place", l)
		}
		leave(o)
	}
}

// fill takes places until there is none, and returns them.
func fill(p *places, l lane) (taken []func(Outcome)) {
	for {
		leave, _ := p.enter(over, l)
		if leave == nil {
			return taken
		}
		taken = append(taken, leave)
	}
}

// over is a context under which nobody waits in line.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func TestALaneHasThePlacesItBears(t *testing.T) {
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
			p, l := newPlaces(few), lane{"acme", "a"}
			use(t, p, l, tt.before...)
			if got := len(fill(p, l)); got != tt.want {
				t.Errorf("got %d places, want %d", got, tt.want)
			}
		})
	}
}

func TestATenantHasItsShareWhateverItsHosts(t *testing.T) {
	p := newPlaces(few)
	got := 0
	for _, host := range []string{"a", "b", "c", "d"} {
		got += len(fill(p, lane{"acme", host}))
	}
	if got != few.tenant {
		t.Errorf("got %d places on four lanes, want %d", got, few.tenant)
	}
	if got := len(fill(p, lane{"other", "a"})); got != few.start {
		t.Errorf("another tenant, at one of these hosts: got %d places, want %d", got, few.start)
	}
}

// The hosts of a tenant that do not answer leave half of its places to the others.
func TestSilentLanesLeaveATenantHalf(t *testing.T) {
	p := newPlaces(few)
	got := 0
	for _, host := range []string{"a", "b", "c", "d", "e"} {
		use(t, p, lane{"acme", host}, silent)
	}
	for _, host := range []string{"a", "b", "c", "d", "e"} {
		got += len(fill(p, lane{"acme", host}))
	}
	if want := 3; got != want {
		t.Errorf("silent lanes: got %d places, want %d", got, want)
	}
	if got := len(fill(p, lane{"acme", "f"})); got != 2 {
		t.Errorf("another lane: got %d places, want 2", got)
	}
}

// However many tenants have hosts that hang, the next one finds a place.
func TestManyTenantsShareThePlaces(t *testing.T) {
	p, held := newPlaces(limits{start: 8, most: 32, tenant: 32, all: 128}), 0
	for n := range 64 {
		got := 0
		for _, host := range []string{"a", "b", "c", "d"} {
			got += len(fill(p, lane{string(rune('A' + n)), host}))
		}
		if got == 0 {
			t.Fatalf("tenant %d of 64 has no place", n+1)
		}
		held += got
	}
	if held > 2*128 {
		t.Errorf("%d deliveries are under way", held)
	}
}

// Who finds no place waits in line where one will soon be free, and is served in
// turn.
func TestWaitingInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := newPlaces(few), lane{"acme", "a"}
		use(t, p, l, fast, fast, fast)
		taken := fill(p, l)
		var waiting sync.WaitGroup
		for range 20 {
			waiting.Go(func() {
				leave, later := p.enter(t.Context(), l)
				if leave == nil {
					t.Errorf("turned away for %v", later)
					return
				}
				time.Sleep(fast.Took)
				leave(fast)
			})
		}
		synctest.Wait()
		if p.inLine != 20 {
			t.Errorf("%d wait, want 20", p.inLine)
		}
		for _, leave := range taken {
			leave(fast)
		}
		waiting.Wait()
		if p.inLine != 0 || p.busy != 0 || p.lanes[l].going != 0 || p.lanes[l].inLine != 0 {
			t.Errorf("still counted: %+v, %+v", p, p.lanes[l])
		}
	})
}

// The line moves too when a place of the tenant's is what was missing.
func TestTheLineMovesWithTheTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(few)
		first := append(append(fill(p, lane{"acme", "a"}), fill(p, lane{"acme", "b"})...), fill(p, lane{"acme", "c"})...)
		got := make(chan func(Outcome), 1)
		go func() {
			leave, _ := p.enter(t.Context(), lane{"acme", "d"})
			got <- leave
		}()
		synctest.Wait()
		first[0](fast)
		if leave := <-got; leave == nil {
			t.Error("turned away")
		} else {
			leave(fast)
		}
		for _, leave := range first[1:] {
			leave(fast)
		}
		if p.busy != 0 {
			t.Errorf("still counted: %+v", p.tenants)
		}
	})
}

func TestNobodyWaitsInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(few)
		for name, before := range map[string]Outcome{"slow": slow, "silent": silent} {
			l := lane{"acme", name}
			use(t, p, l, before)
			taken := fill(p, l)
			start := time.Now()
			if leave, later := p.enter(t.Context(), l); leave != nil || later < busySoonest || time.Since(start) != 0 {
				t.Errorf("%s: got a place: %v, else after %v; waited %v", name, leave != nil, later, time.Since(start))
			}
			for _, leave := range taken {
				leave(before)
			}
		}
		hangs := lane{"acme", "hangs"}
		use(t, p, hangs, fast)
		fill(p, hangs)
		start := time.Now()
		if leave, later := p.enter(t.Context(), hangs); leave != nil || later < busySoonest || time.Since(start) != lineWait {
			t.Errorf("one that hangs all of a sudden: got a place: %v, else after %v; waited %v", leave != nil, later, time.Since(start))
		}
		if p.inLine != 0 || len(p.tenants["acme"].line) != 0 {
			t.Error("still in line")
		}
	})
}

// Those who are turned away come again at the pace of their lane, and not all at
// once; nor ever later than busyLatest.
func TestThoseTurnedAwayComeAtThePaceOfTheirLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := newPlaces(few), lane{"acme", "a"}
		use(t, p, l, Outcome{Class: Delivered, Took: 4 * time.Second})
		fill(p, l) // 2 places: one every 2 s
		p.lanes[l].turned = time.Time{}
		for n := range 200 {
			_, got := p.enter(over, l)
			if want := min(busySoonest+time.Duration(n+1)*2*time.Second, busyLatest); got != want {
				t.Fatalf("number %d: got %v, want %v", n+1, got, want)
			}
		}
	})
}

// Two thousand hosts of a tenant that do not answer: each webhook that finds no
// place comes again at the pace of its tenant, not at that of its own host.
func TestThoseTurnedAwayComeAtThePaceOfTheirTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(limits{start: 8, most: 32, tenant: 32, all: 512})
		const hosts, span = 2_000, 10 * time.Minute
		var turns, tries atomic.Int64
		ctx, cancel := context.WithTimeout(t.Context(), span)
		defer cancel()
		var all sync.WaitGroup
		for n := range hosts {
			all.Go(func() {
				for ctx.Err() == nil {
					turns.Add(1)
					leave, wait := p.enter(ctx, lane{"acme", string(rune('A' + n))})
					if leave != nil {
						tries.Add(1)
						time.Sleep(silent.Took)
						leave(silent)
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
		if got, places := int(tries.Load()), p.tenant/2; got < places*int(span/silent.Took)*8/10 {
			t.Errorf("%d tries in %v: the tenant's places stood empty", got, span)
		}
		if leave, _ := p.enter(t.Context(), lane{"acme", "well"}); leave == nil {
			t.Error("a host of the tenant that answers got no place")
		}
	})
}

func TestLanesAreForgotten(t *testing.T) {
	p := newPlaces(few)
	held := fill(p, lane{"acme", "held"})
	for n := range 2 * maxLanes {
		use(t, p, lane{"acme", string(rune(n))}, fast)
	}
	if got := len(p.lanes); got > maxLanes {
		t.Errorf("%d lanes are remembered", got)
	}
	if got := p.lanes[lane{"acme", "held"}].going; got != len(held) {
		t.Errorf("the lane in use counts %d, want %d", got, len(held))
	}
}
