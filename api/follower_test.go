package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

// A caller that reads slowly is told no more of a long log once its stream has
// ended, as when its key was revoked.
func TestStreamEndsWithinALongLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		life, end := context.WithCancel(t.Context())
		defer end()
		h, err := New(life, Config{}, m.deps())
		if err != nil {
			t.Fatal(err)
		}
		job := m.submitted(t)
		for range 100 {
			m.tell(job.ID, tasks.EventDelta, `{"text":"a"}`)
		}
		s, stop := follow(t, h, "/jobs/"+job.ID+"/events")
		defer stop()
		s.next(t)
		end()
		synctest.Wait()
		if got := s.rest(t); len(got) > 1 { // the one that was under way
			t.Errorf("told %d more events", len(got))
		}
	})
}

// While the store is away a stream is quiet, and then goes on where it was.
func TestStreamOutlastsAnOutageOfTheStore(t *testing.T) {
	away := tasks.Errorf(tasks.CodeUnavailable, "the job store is away")
	for _, c := range []struct {
		name  string
		first int64 // event that is kept
		fail  func(m *memory, err error)
		want  []int64
	}{
		{"of the log", 1, (*memory).lose, []int64{2, 3}},
		{"of what stands for the log", 3, (*memory).breakDown, []int64{2, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				deps := m.deps()
				deps.Events = trimmed{m, c.first}
				job := m.submitted(t)
				s, stop := follow(t, newAPI(t, Config{}, deps), "/jobs/"+job.ID+"/events?starting_after=1")
				defer stop()
				<-s.status
				c.fail(m, away)
				s.lines.Scan() // so that it goes on to the log
				synctest.Wait()
				m.becomes(job.ID, tasks.Running)
				m.becomes(job.ID, tasks.Succeeded)
				synctest.Wait()
				c.fail(m, nil)
				if got := s.rest(t); !slices.Equal(got, c.want) {
					t.Errorf("got %v, want %v", got, c.want)
				}
			})
		})
	}
}

// breakDown makes every call of Jobs fail; with nil none does any more.
func (m *memory) breakDown(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
	for wake := range m.wakes {
		rouse(wake)
	}
}

// What breaks a stream off is told to somebody.
func TestSnapshotThatFailsIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, log := newMemory(), new(record)
		deps := m.deps()
		deps.Events = trimmed{m, 4}
		h := newAPI(t, Config{Log: log.logger()}, deps)
		job := m.submitted(t)
		s, stop := follow(t, h, "/jobs/"+job.ID+"/events?starting_after=1")
		defer stop()
		<-s.status
		m.breakDown(errors.New("no such luck"))
		for range 3 {
			m.tell(job.ID, tasks.EventDelta, `{"text":"a"}`)
		}
		if got := s.rest(t); got != nil || !strings.Contains(log.String(), "no such luck") {
			t.Errorf("told %v, logged %q", got, log)
		}
	})
}

// fallible is Events that cannot be read without a panic.
type fallible struct{ Events }

func (fallible) Since(context.Context, string, int64, int64) ([]tasks.Event, bool, error) {
	panic("oh")
}

// A panic in a stream ends that stream as one that broke, and is logged with the
// place where it was.
func TestPanicOfAStream(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		m, log := newMemory(), new(record)
		deps := m.deps()
		deps.Events = fallible{m}
		server := httptest.NewUnstartedServer(newAPI(t, Config{Log: log.logger()}, deps))
		server.EnableHTTP2 = http2
		server.StartTLS()
		response, err := server.Client().Get(server.URL + "/jobs/" + m.submitted(t).ID + "/events")
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusOK || err == nil {
			t.Errorf("%s: got %d that ended well", response.Proto, response.StatusCode)
		}
		for _, want := range []string{"level=ERROR", "panic: oh", "fallible.Since", response.Header.Get(httpx.HeaderRequestID)} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%s: the log does not tell %q: %s", response.Proto, want, log)
			}
		}
		server.Close()
	}
}

// record is a log that may be read while it is written.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) logger() *slog.Logger { return slog.New(slog.NewTextHandler(r, nil)) }

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}
