package client

import (
	"context"
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

// roundTrip answers requests in place of a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// wired returns a client whose requests f answers.
func wired(f roundTrip) *Client {
	return &Client{Base: "http://spillway.test", HTTP: &http.Client{Transport: f}}
}

func answer(status int, body io.Reader, header ...string) (*http.Response, error) {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: h, Body: io.NopCloser(body)}, nil
}

func text(format string, args ...any) io.Reader {
	return strings.NewReader(fmt.Sprintf(format, args...))
}

func event(n int, e tasks.EventType) string {
	return fmt.Sprintf("data: {\"sequence_number\":%d,\"type\":%q}\n\n", n, e)
}

var errRefused = errors.New("connection refused")

// A server is met, goes away for a time, first without a trace and then saying
// so, and comes back.
func TestWatchOutlastsAServerThatIsAwayForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c := wired(func(r *http.Request) (*http.Response, error) {
			after := r.URL.Query().Get("starting_after")
			switch at := time.Since(began); {
			case after == "0":
				return answer(200, text("%s", event(1, tasks.EventQueued)))
			case at < 15*time.Second:
				return nil, errRefused
			case at < 40*time.Second:
				return answer(503, text(`{"detail":"Redis is unavailable"}`), "Retry-After", "5")
			case after == "1":
				return answer(200, text("%s", event(1, tasks.EventQueued)+event(2, tasks.EventSucceeded)))
			}
			return answer(204, text(""))
		})
		var got []int64
		err := c.Watch(t.Context(), "job_1", func(e tasks.Event) { got = append(got, e.Sequence) })
		if err != nil || !slices.Equal(got, []int64{1, 2}) {
			t.Errorf("got events %v, %v, want each once", got, err)
		}
		if took := time.Since(began); took > 50*time.Second {
			t.Errorf("came back after %v, want soon after 40 s", took)
		}
	})
}

func TestHowLongAnAbsentServerIsWaitedFor(t *testing.T) {
	refuse := func(*http.Request) (*http.Response, error) { return nil, errRefused }
	tests := map[string]struct {
		then        roundTrip
		met         bool
		least, most time.Duration
		says        string
	}{
		"never there": {refuse, false, 0, 0, "no Spillway answers"},
		"gone":        {refuse, true, 50 * time.Second, time.Minute, "no Spillway answers"},
		"there, but not ready": {func(*http.Request) (*http.Response, error) {
			return answer(503, text(`{"detail":"Redis is unavailable"}`))
		}, false, 50 * time.Second, time.Minute, "Redis is unavailable"},
		"at fault for ever": {func(*http.Request) (*http.Response, error) { return answer(404, text(`{"detail":"No such job."}`)) }, true, 0, 0, "No such job."},
		"too long an event": {func(*http.Request) (*http.Response, error) {
			return answer(200, io.MultiReader(text("data: "), endless{}))
		}, true, 0, 0, "longer than 16 MiB"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := wired(tt.then)
				c.met.Store(tt.met)
				began := time.Now()
				err := c.Watch(t.Context(), "job_1", func(tasks.Event) {})
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %v, want it to say %q", err, tt.says)
				}
				if took := time.Since(began); took < tt.least || took > tt.most {
					t.Errorf("gave up after %v, want from %v to %v", took, tt.least, tt.most)
				}
			})
		})
	}
}

// endless is a line without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestWatchLeavesAStreamThatFellSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := wired(func(r *http.Request) (*http.Response, error) {
			if asked++; asked == 1 {
				return answer(200, io.MultiReader(text("%s", event(1, tasks.EventRunning)), silence{r.Context()}))
			}
			return answer(204, text(""))
		})
		began := time.Now()
		err := c.Watch(t.Context(), "job_1", func(tasks.Event) {})
		if took := time.Since(began); err != nil || took < longestSilence || took > longestSilence+2*BetweenStreams {
			t.Errorf("got %v after %v, want the stream left after %v", err, took, longestSilence)
		}
	})
}

// silence is the body of a connection on which nothing comes.
type silence struct{ ctx context.Context }

func (s silence) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func TestAwaitAsksNoMoreOftenThanItShould(t *testing.T) {
	const life = time.Minute
	tests := map[string]struct {
		retryAfter string
		most       int
	}{
		"no word from the server":  {"", int(life/betweenLooks) + 1},
		"as the server says":       {"5", 13},
		"the server says too much": {"3600", 5},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, asked := time.Now(), 0
				c := wired(func(r *http.Request) (*http.Response, error) {
					asked++
					if got := r.Header.Get("Prefer"); got != "wait=55" {
						t.Errorf("Prefer: got %q", got)
					}
					state := tasks.Running
					if time.Since(began) >= life {
						state = tasks.Succeeded
					}
					return answer(200, text(`{"id":"job_1","state":%q}`, state), "Retry-After", tt.retryAfter)
				})
				j, err := c.Await(t.Context(), "job_1")
				if err != nil || j.State != tasks.Succeeded || asked > tt.most {
					t.Errorf("got %v, %v after %d requests, want at most %d", j, err, asked, tt.most)
				}
				if took := time.Since(began); took > life+latestLook {
					t.Errorf("noticed after %v", took)
				}
			})
		})
	}
}

// Once the server holds requests, its hint for callers that poll does not count.
func TestAwaitHearsOfTheEndAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c := wired(func(*http.Request) (*http.Response, error) {
			time.Sleep(maxWait)
			state := tasks.Running
			if time.Since(began) > maxWait {
				state = tasks.Succeeded
			}
			return answer(200, text(`{"id":"job_1","state":%q}`, state), "Retry-After", "15")
		})
		_, err := c.Await(t.Context(), "job_1")
		if took := time.Since(began); err != nil || took != 2*maxWait+betweenLooks {
			t.Errorf("got %v after %v", err, took)
		}
	})
}
