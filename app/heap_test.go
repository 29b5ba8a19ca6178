package app

import (
	"runtime"
	"testing"
)

func TestTheCollectorWaitsForTheHeapFloor(t *testing.T) {
	next := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NextGC
	}
	free := raiseHeap()
	if got := next(); got < 2*heapFloor {
		t.Errorf("the collector runs at %d bytes, want at least %d", got, 2*heapFloor)
	}
	if err := free(); err != nil {
		t.Error(err)
	}
}
