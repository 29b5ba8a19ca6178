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
			t.Errorf("%v does not tell of %s", err, want)
		}
	}
}

func TestKeepAliveAfterAStream(t *testing.T) {
	m := newMemory()
	server := httptest.NewServer(newAPI(t, Config{}, m.deps()))
	defer server.Close()
	job := m.submitted(t)
	m.becomes(job.ID, tasks.Succeeded)
	for _, target := range []string{"/jobs/" + job.ID + "/events", "/health"} {
		response, err := server.Client().Get(server.URL + target)
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
	m := newMemory()
	deps, events := m.deps(), endless{make(chan struct{})}
	deps.Events = events
	api, err := New(t.Context(), Config{WriteTimeout: 50 * time.Millisecond}, deps)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	defer server.Close()
	conn := dial(t, server)
	fmt.Fprintf(conn, "GET /jobs/%s/events HTTP/1.1\r\nHost: x\r\n\r\n", m.submitted(t).ID)
	await(t, events.gone)
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
