package app

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestABusyProcessCollectsRarely(t *testing.T) {
	tune := newTuner(false)
	defer tune.wake()
	tune.step(busyRate)
	if got := nextCollection(); got < 2*heapFloor {
		t.Errorf("the collector runs at %d bytes, want at least %d", got, 2*heapFloor)
	}
}

func TestAProcessAtRestKeepsLittle(t *testing.T) {
	tune := newTuner(false)
	defer tune.wake()
	tune.step(busyRate)
	total := uint64(busyRate)
	for range restAfter - 1 {
		total += quietRate - 1
		tune.step(total)
	}
	if tune.rests || tune.aside == nil {
		t.Error("the process rests too soon")
	}
	tune.step(total)
	if !tune.rests || tune.aside != nil {
		t.Error("the process does not rest")
	}
	if got := nextCollection(); got > heapFloor {
		t.Errorf("the collector of a process at rest runs at %d bytes", got)
	}
	tune.step(total + busyRate)
	if percent := debug.SetGCPercent(100); percent != 100 || tune.aside == nil {
		t.Errorf("a process that is busy again has GOGC %d, and %d bytes aside", percent, len(tune.aside))
	}
}

func TestAShortBreakIsNoRest(t *testing.T) {
	tune := newTuner(false)
	defer tune.wake()
	total := uint64(0)
	for range 10 * restAfter {
		tune.step(total)   // quiet
		total += quietRate // neither
		tune.step(total)
	}
	if tune.rests {
		t.Error("the process rests between works")
	}
}

func nextCollection() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.NextGC
}
