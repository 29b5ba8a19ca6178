package app

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/topcentral/spillway/app/config"
)

const (
	// heapFloor is how many bytes a busy process sets aside, so that the collector
	// runs when about as many have been allocated anew. A process that has little to
	// keep and much to do would otherwise run it many times a second. The bytes are
	// never touched, so they take addresses and no memory.
	heapFloor = 64 << 20
	// busyRate is how many bytes a busy process allocates per second, at least, and
	// quietRate how many one at rest does, at most.
	busyRate  = 8 << 20
	quietRate = 4 << 20
	// embeddedFactor is how many times as much a process allocates in which Redis is
	// embedded, at work and at rest: each script makes an interpreter.
	embeddedFactor = 8
	// restAfter is how many quiet seconds make a process be at rest, and restAgain
	// after how many more it gives back what it has taken meanwhile. unmapAgain is the same for
	// the pages of the program alone, which costs next to nothing.
	restAfter  = 5
	restAgain  = 60
	unmapAgain = 10
	// restPercent is GOGC at rest: what little is allocated then does not spread
	// over as much memory again as the process needs.
	restPercent = 25
)

// TuneMemory sets memory aside for the collector while the process is busy, and gives
// back to the system what it does not need while it is at rest. It leaves alone a
// process whose collector is tuned from outside. It is for the whole process, so a
// command calls it once; stop ends it. Where Redis is embedded the process has much to keep,
// and sets nothing aside.
func TuneMemory(cfg config.Config, embedded bool) (stop func()) {
	if cfg.TunesGC {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		t := newTuner(embedded)
		t.last = allocated() // the start is no work
		defer t.wake()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				t.step(allocated())
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// allocated returns how many bytes the process has allocated so far.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// tuner decides once a second how busy the process is.
type tuner struct {
	floor     int    // bytes that are set aside while it is busy
	busyRate  uint64 // bytes per second, as the constants
	quietRate uint64
	last      uint64 // bytes allocated until the last step
	quiet     int    // seconds
	aside     []byte
	rests     bool
}

func newTuner(embedded bool) tuner {
	if embedded {
		return tuner{busyRate: embeddedFactor * busyRate, quietRate: embeddedFactor * quietRate}
	}
	return tuner{floor: heapFloor, busyRate: busyRate, quietRate: quietRate}
}

func (t *tuner) step(allocated uint64) {
	rate := allocated - t.last
	t.last = allocated
	switch {
	case rate >= t.busyRate:
		t.quiet = 0
		t.wake()
		if t.aside == nil {
			t.aside = make([]byte, t.floor)
		}
	case rate >= t.quietRate:
		t.quiet = 0
	default:
		t.quiet++
		switch since := t.quiet - restAfter; {
		case since >= 0 && since%restAgain == 0:
			t.rest()
		case since > 0 && since%unmapAgain == 0:
			unmapProgram()
		}
	}
}

// rest gives back what a process at rest does not need.
func (t *tuner) rest() {
	t.aside = nil
	if !t.rests {
		t.rests = true
		debug.SetGCPercent(restPercent)
	}
	debug.FreeOSMemory()
	unmapProgram()
}

// wake ends a rest.
func (t *tuner) wake() {
	if t.rests {
		t.rests = false
		debug.SetGCPercent(100)
	}
	runtime.KeepAlive(t.aside)
}
