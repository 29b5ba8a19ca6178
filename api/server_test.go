package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// These tests need a real connection: it is what they are about.

func TestNewTellsAllThatIsWrong(t *testing.T) {
	_, err := New(t.Context(), Config{MaxBody: -1, MaxWait: time.Hour}, Deps{Jobs: newMemory()})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"MaxBody", "MaxWait", "Deps.Events", "Deps.Agents", "Deps.Health"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not mention %s", err, want)
		}
	}
}

func TestKeepAliveAfterAStream(t *testing.T) {
	m := newMemory()
	server := httptest.NewServer(newAPI(t, Config{}, m.deps()))
	defer server.Close()
	job := m.submitted(t)
	m.becomes(job.ID, tasks.Succeeded)
	conn := dial(t, server)
	answers := bufio.NewReader(conn)
	for _, target := range []string{"/jobs/" + job.ID + "/events", "/health", "/jobs/" + job.ID + "/events"} {
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target)
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || len(body) == 0 {
			t.Errorf("%s: got %d, %d bytes, %v", target, response.StatusCode, len(body), err)
		}
	}
}

func TestHeadOfAStreamEnds(t *testing.T) {
	m := newMemory()
	server := httptest.NewServer(newAPI(t, Config{}, m.deps()))
	defer server.Close()
	response, err := server.Client().Head(server.URL + "/jobs/" + m.submitted(t).ID + "/events")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("Content-Type: got %q", got)
	}
}

// endless is Events that never stop, and tells when its follower has gone.
type endless struct{ gone chan struct{} }

func (endless) AwaitEnd(ctx context.Context, _ string) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func (e endless) OnEvent(string) (<-chan struct{}, func()) {
	wake := make(chan struct{}, 1)
	wake <- struct{}{}
	return wake, func() { close(e.gone) }
}

func (endless) Since(ctx context.Context, id string, after, limit int64) ([]tasks.Event, bool, error) {
	text := []byte(`"` + strings.Repeat("x", 64<<10) + `"`)
	events := make([]tasks.Event, limit)
	for i := range events {
		events[i] = tasks.Event{Sequence: after + int64(i) + 1, Type: tasks.EventDelta, JobID: id, Data: text}
	}
	return events, false, ctx.Err()
}

func TestSlowReaderIsCutOff(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		m := newMemory()
		deps, events := m.deps(), endless{make(chan struct{})}
		deps.Events = events
		api, err := New(t.Context(), Config{WriteTimeout: 50 * time.Millisecond}, deps)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewUnstartedServer(api)
		server.EnableHTTP2 = http2
		server.StartTLS()
		response, err := server.Client().Get(server.URL + "/jobs/" + m.submitted(t).ID + "/events")
		if err == nil { // else it was cut off before it began to be slow
			await(t, events.gone)
			response.Body.Close()
		}
		server.Close()
	}
}

// A reader that was cut off has some of the events, and gets the others when it
// comes back.
func TestReaderThatWasCutOffMissesNothing(t *testing.T) {
	m, closed := newMemory(), make(chan struct{}, 1)
	api, err := New(t.Context(), Config{WriteTimeout: 300 * time.Millisecond}, m.deps())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(api)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			select {
			case closed <- struct{}{}:
			default:
			}
		}
	}
	server.Start()
	defer server.Close()
	const events = 500 // more than connections buffer
	job := m.submitted(t)
	for range events - 2 {
		m.tell(job.ID, tasks.EventDelta, `{"text":"`+strings.Repeat("x", 64<<10)+`"}`)
	}
	m.becomes(job.ID, tasks.Succeeded)
	conn := dial(t, server)
	var last int
	for cut := 0; last < events; cut++ {
		fmt.Fprintf(conn, "GET /jobs/%s/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nLast-Event-ID: %d\r\n\r\n", job.ID, last)
		if cut == 0 {
			await(t, closed)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil {
			last = readOn(t, response.Body, last)
			response.Body.Close()
		}
		if cut == 0 && last == events {
			t.Fatal("a reader that did not read was told everything")
		}
		conn.Close()
		conn = dial(t, server)
	}
}

// readOn reads whole events, of which the first must follow the one of the number
// last, and returns the number of the last one.
func readOn(t *testing.T, stream io.Reader, last int) int {
	t.Helper()
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, 1<<20)
	id := 0
	for lines.Scan() {
		if line := lines.Text(); line != "" {
			_, _ = fmt.Sscanf(line, "id: %d", &id)
		} else if id > 0 {
			if id != last+1 {
				t.Errorf("after event %d came %d", last, id)
			}
			last, id = id, 0
		}
	}
	return last
}

func TestGoneReaderIsLetGo(t *testing.T) {
	m := newMemory()
	deps, events := m.deps(), endless{make(chan struct{})}
	deps.Events = events
	api, err := New(t.Context(), Config{}, deps)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	defer server.Close()
	conn := dial(t, server)
	fmt.Fprintf(conn, "GET /jobs/%s/events HTTP/1.1\r\nHost: x\r\n\r\n", m.submitted(t).ID)
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	await(t, events.gone)
}

func TestSlowBodyIsRefused(t *testing.T) {
	server := httptest.NewServer(newAPI(t, Config{RequestTimeout: 50 * time.Millisecond}, newMemory().deps()))
	defer server.Close()
	conn := dial(t, server)
	fmt.Fprintf(conn, "POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusRequestTimeout {
		t.Errorf("got %d, want 408", response.StatusCode)
	}
}

func dial(t *testing.T, server *httptest.Server) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// await waits for a signal, but not for ever.
func await(t *testing.T, signal <-chan struct{}) {
	t.Helper()
	select {
	case <-signal:
	case <-time.After(30 * time.Second):
		t.Fatal("not within 30s")
	}
}
