package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// A caller whose body did not come cannot be seen to leave. A stream does not
// stay open for it until the job ends.
func TestAStreamEndsForACallerWhoseBodyDidNotCome(t *testing.T) {
	m := newMemory()
	id := m.submitted(t).ID
	inBubble(t, Config{}, m.deps(), func(t *testing.T, dial func() net.Conn) {
		conn, start := dial(), time.Now()
		defer conn.Close()
		fmt.Fprintf(conn, "GET /jobs/%s/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", id)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body) // to its end, whatever that is
		response.Body.Close()
		if took := time.Since(start); took != 20*time.Second {
			t.Errorf("the stream ended after %v, want 20s: the time of the body, and as much again", took)
		}
	})
}
