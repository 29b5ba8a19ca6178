package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// live is a response that can be read while it is written.
type live struct {
	header http.Header
	status chan int // gets the status
	body   *io.PipeReader
	in     *io.PipeWriter
	lines  *bufio.Scanner
}

func (l *live) Header() http.Header         { return l.header }
func (l *live) WriteHeader(status int)      { l.status <- status }
func (l *live) Write(b []byte) (int, error) { return l.in.Write(b) }
func (l *live) Flush()                      {}

// follow opens a stream of events, to be read from the response.
func follow(t *testing.T, h http.Handler, target string, headers ...string) (*live, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := newRequest(t, "GET", target, "", "").WithContext(ctx)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	body, in := io.Pipe()
	l := &live{header: make(http.Header), status: make(chan int, 1), body: body, in: in, lines: bufio.NewScanner(body)}
	go func() {
		defer in.Close()
		h.ServeHTTP(l, r)
	}()
	return l, func() { cancel(); body.Close() }
}

// next reads the next event; ok is false when the stream has ended.
func (l *live) next(t *testing.T) (event tasks.Event, ok bool) {
	t.Helper()
	var id, name string
	for l.lines.Scan() {
		field, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch field {
		case "id":
			id = value
		case "event":
			name = value
		case "data":
			if err := json.Unmarshal([]byte(value), &event); err != nil {
				t.Fatal(err)
			}
			if id != fmt.Sprint(event.Sequence) || name != string(event.Type) {
				t.Errorf("id %s and event %s do not fit %s", id, name, value)
			}
			return event, true
		}
	}
	return event, false
}

// rest reads the sequence numbers of all further events.
func (l *live) rest(t *testing.T) []int64 {
	t.Helper()
	var numbers []int64
	for {
		event, ok := l.next(t)
		if !ok {
			return numbers
		}
		numbers = append(numbers, event.Sequence)
	}
}

func TestFollowAJobToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		h := newAPI(t, Config{}, m.deps())
		job := m.submitted(t)
		s, stop := follow(t, h, "/jobs/"+job.ID+"/events")
		defer stop()
		if got := <-s.status; got != http.StatusOK {
			t.Fatalf("status: got %d", got)
		}
		if event, _ := s.next(t); event.Type != tasks.EventQueued {
			t.Errorf("first: got %+v", event)
		}
		go func() {
			time.Sleep(time.Second)
			m.becomes(job.ID, tasks.Running)
			m.tell(job.ID, tasks.EventDelta, `{"text":"line\none"}`)
			time.Sleep(time.Second)
			m.becomes(job.ID, tasks.Succeeded)
		}()
		start := time.Now()
		if got, want := s.rest(t), []int64{2, 3, 4}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("closed after %v, want 2s", took)
		}
	})
}

func TestResumeWithoutGapOrRepeat(t *testing.T) {
	const events = 8
	for cut := 1; cut <= events; cut++ {
		for _, how := range []string{"header", "query", "both"} {
			t.Run(fmt.Sprintf("after %d by %s", cut, how), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := newMemory()
					h := newAPI(t, Config{}, m.deps())
					job := m.submitted(t)
					go func() {
						for range events - 2 {
							time.Sleep(time.Second)
							m.tell(job.ID, tasks.EventProgress, `{"candidate":"ollama/qwen2.5:7b","outcome":"timeout","duration_ms":1000}`)
						}
						time.Sleep(time.Second)
						m.becomes(job.ID, tasks.Succeeded)
					}()
					target := "/jobs/" + job.ID + "/events"
					var got []int64
					s, stop := follow(t, h, target)
					for len(got) < cut {
						event, _ := s.next(t)
						got = append(got, event.Sequence)
					}
					stop()
					synctest.Wait()

					last := fmt.Sprint(got[len(got)-1])
					var headers []string
					switch how {
					case "header":
						headers = []string{"Last-Event-ID", last}
					case "query":
						target += "?starting_after=" + last
					case "both": // as a browser repeats the first URL
						target += "?starting_after=0"
						headers = []string{"Last-Event-ID", last}
					}
					s, stop = follow(t, h, target, headers...)
					defer stop()
					status := <-s.status
					got = append(got, s.rest(t)...)
					if want := []int64{1, 2, 3, 4, 5, 6, 7, 8}; !slices.Equal(got, want) {
						t.Errorf("got %v, want %v", got, want)
					}
					if cut == events && status != http.StatusNoContent {
						t.Errorf("nothing left: got %d, want 204", status)
					}
				})
			})
		}
	}
}

func TestHeartbeatsOnAQuietStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		h := newAPI(t, Config{}, m.deps())
		job := m.submitted(t)
		s, stop := follow(t, h, "/jobs/"+job.ID+"/events?starting_after=1")
		defer stop()
		start := time.Now()
		beats := 0
		for beats < 3 && s.lines.Scan() {
			if strings.HasPrefix(s.lines.Text(), ":") {
				beats++
			}
		}
		if took := time.Since(start); beats != 3 || took != 45*time.Second {
			t.Errorf("got %d comments in %v, want 3 in 45s", beats, took)
		}
	})
}

func TestStreamEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		how  func(m *memory, end, stop context.CancelFunc)
	}{
		{"with the service", func(_ *memory, end, _ context.CancelFunc) { end() }},
		{"with the caller", func(_ *memory, _, stop context.CancelFunc) { stop() }},
		{"with the store", func(m *memory, _, _ context.CancelFunc) { m.lose(errors.New("connection reset")) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				life, end := context.WithCancel(t.Context())
				defer end()
				s, err := newServer(life, Config{MaxStreams: 1}, m.deps())
				if err != nil {
					t.Fatal(err)
				}
				router, err := s.router()
				if err != nil {
					t.Fatal(err)
				}
				h := newChecker(t).check(t, s.pipeline(route(router)))
				target := "/jobs/" + m.submitted(t).ID + "/events"
				stream, stop := follow(t, h, target)
				defer stop()
				stream.next(t)
				if got := do(t, h, "GET", target, "").Code; got != http.StatusServiceUnavailable {
					t.Errorf("a second stream: got %d, want 503", got)
				}

				start := time.Now()
				c.how(m, end, stop)
				stream.rest(t)
				synctest.Wait()
				if took := time.Since(start); took != 0 || s.slots.free != 1 {
					t.Errorf("ended after %v with %d slots free", took, s.slots.free)
				}
			})
		})
	}
}

func TestStreamRefuses(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	job := m.submitted(t)
	for _, c := range []struct {
		name, target, lastID string
		want                 int
	}{
		{"an unknown job", "/jobs/" + tasks.NewID() + "/events", "", 404},
		{"no ID", "/jobs/x/events", "", 404},
		{"a bad header", "/jobs/" + job.ID + "/events", "x", 400},
		{"a negative header", "/jobs/" + job.ID + "/events", "-1", 400},
		{"a bad query", "/jobs/" + job.ID + "/events?starting_after=x", "", 400},
		{"a huge query", "/jobs/" + job.ID + "/events?starting_after=99999999999999999999", "", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			var headers []string
			if c.lastID != "" {
				headers = []string{"Last-Event-ID", c.lastID}
			}
			if got := do(t, h, "GET", c.target, "", headers...).Code; got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}
