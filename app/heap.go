package app

import (
	"runtime"
)

// heapFloor is how many bytes are set aside, so that the collector runs when
// about as many have been allocated anew. A process that has little to keep and
// much to do would otherwise run it many times a second. The bytes are never touched,
// so they take addresses and no memory.
const heapFloor = 64 << 20

// raiseHeap sets heapFloor bytes aside until they are freed.
func raiseHeap() (free func() error) {
	aside := make([]byte, heapFloor)
	return func() error {
		runtime.KeepAlive(aside)
		aside = nil
		return nil
	}
}
