//go:build !race

package api

import (
	"net/http/httptest"
	"runtime"
	"testing"
)

// perStream bounds what an open event stream takes of memory, in bytes. It takes
// 24 KB, most of it net/http's; under the race detector it would take more.
const perStream = 29 << 10

func TestMemoryOfAStream(t *testing.T) {
	m := newMemory()
	server := httptest.NewServer(newAPI(t, Config{}, m.deps()))
	t.Cleanup(server.Close)
	id := m.submitted(t).ID
	openStream(t, server, id) // what is made once is made
	const n = 300
	before := inUse()
	for range n {
		openStream(t, server, id)
	}
	if each := (inUse() - before) / n; each > perStream {
		t.Errorf("a stream takes %d bytes, want at most %d", each, perStream)
	}
}

// inUse returns the bytes of the live heap and of all stacks.
func inUse() int {
	for range 3 { // pools empty and stacks shrink by and by
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}
