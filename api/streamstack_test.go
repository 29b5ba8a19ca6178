package api

import (
	"bufio"
	"fmt"
	"net"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

func TestStreamsWaitWithoutTheirHandlers(t *testing.T) {
	m := newMemory()
	server := httptest.NewServer(newAPI(t, Config{}, m.deps()))
	t.Cleanup(server.Close)
	openStream(t, server, m.submitted(t).ID)
	waits := false
	for goroutine := range strings.SplitSeq(stacks(), "\n\n") {
		if !strings.Contains(goroutine, "api.(*server).stream(") {
			continue
		}
		waits = true
		if strings.Contains(goroutine, "echo") {
			t.Errorf("the handlers are on the stack of a stream that waits:\n%s", goroutine)
		}
	}
	if !waits {
		t.Error("no stream waits")
	}
}

// openStream opens an event stream, which the test holds open, and reads its
// first event.
func openStream(t *testing.T, server *httptest.Server, id string) {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET /jobs/%s/events HTTP/1.1\r\nHost: x\r\n\r\n", id)
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "data: ") {
			return
		}
	}
	t.Fatal("the stream has no event")
}

// stacks returns the stacks of all goroutines, with an empty line between them.
func stacks() string {
	for size := 1 << 20; ; size *= 2 {
		text := make([]byte, size)
		if n := runtime.Stack(text, true); n < size {
			return string(text[:n])
		}
	}
}
