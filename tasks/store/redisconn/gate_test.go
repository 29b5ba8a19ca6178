package redisconn

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
)

// busy is what a machine that does much else may add to a time; a command that
// waits for its server would take seconds.
const busy = 500 * time.Millisecond

// guarded returns a client with a gate on a real server.
func guarded(t *testing.T) (*redistest.Server, redis.UniversalClient, *lines) {
	t.Helper()
	server := redistest.Start(t)
	rdb, err := Open("redis://"+server.Addr, API)
	if err != nil {
		t.Fatal(err)
	}
	log := new(lines)
	gate := NewGate(rdb, slog.New(slog.NewTextHandler(log, nil)))
	t.Cleanup(func() {
		if err := errors.Join(gate.Close(), gate.Close(), rdb.Close()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := rdb.Ping(t.Context()).Err(); err != nil {
		t.Fatalf("ping: %v", err)
	}
	return server, rdb, log
}

// lines collects a log.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.all.String(), text)
}

// until asks until the answer is as wanted, and returns how long that took.
func until(t *testing.T, rdb redis.UniversalClient, wanted func(error) bool) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := rdb.Ping(ctx).Err()
		cancel()
		took := time.Since(began)
		if wanted(err) {
			return took
		}
		if took > 10*time.Second {
			t.Fatalf("still %v after %v", err, took)
		}
	}
}

func isAway(err error) bool { return errors.Is(err, ErrAway) }

func TestGateShutsAndOpensByItself(t *testing.T) {
	tests := map[string]struct {
		lose, bringBack func(*redistest.Server, *testing.T)
	}{
		"server hangs": {
			func(s *redistest.Server, t *testing.T) { s.Pause(t) },
			func(s *redistest.Server, t *testing.T) { s.Resume(t) },
		},
		"server is killed": {
			func(s *redistest.Server, _ *testing.T) { s.Kill() },
			func(s *redistest.Server, t *testing.T) { s.Restart(t) },
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server, rdb, log := guarded(t)
			tt.lose(server, t)
			if took := until(t, rdb, isAway); took > 1500*time.Millisecond+busy {
				t.Errorf("the gate shut after %v, want 1.5 s at most", took)
			}
			everyCommandFailsAtOnce(t, rdb)
			tt.bringBack(server, t)
			t.Logf("open again after %v", until(t, rdb, func(err error) bool { return err == nil }))
			if away, back := log.count("Redis is unreachable"), log.count("Redis is back"); away != 1 || back != 1 {
				t.Errorf("the log says away %d times and back %d times, want once each", away, back)
			}
		})
	}
}

// everyCommandFailsAtOnce tries each way that a command may take.
func everyCommandFailsAtOnce(t *testing.T, rdb redis.UniversalClient) {
	t.Helper()
	ways := map[string]func(context.Context) error{
		"command": func(ctx context.Context) error { return rdb.Get(ctx, "k").Err() },
		"script":  func(ctx context.Context) error { return redis.NewScript("return 1").Run(ctx, rdb, nil).Err() },
		"pipeline": func(ctx context.Context) error {
			p := rdb.Pipeline()
			p.Get(ctx, "k")
			_, err := p.Exec(ctx)
			return err
		},
		"transaction": func(ctx context.Context) error {
			p := rdb.TxPipeline()
			p.Get(ctx, "k")
			_, err := p.Exec(ctx)
			return err
		},
		"connection": func(ctx context.Context) error {
			c := rdb.(*redis.Client).Conn()
			defer c.Close()
			return c.Get(ctx, "k").Err()
		},
	}
	var all sync.WaitGroup
	defer all.Wait()
	for name, ask := range ways {
		for range 20 {
			all.Go(func() {
				began := time.Now()
				if err := ask(t.Context()); !isAway(err) {
					t.Errorf("%s: got %v, want %v", name, err, ErrAway)
				}
				if took := time.Since(began); took > busy {
					t.Errorf("%s: took %v", name, took)
				}
			})
		}
	}
}

// A subscription that looks for its server again does not hold its caller up.
func TestGateKeepsSubscribersFromWaiting(t *testing.T) {
	server, rdb, _ := guarded(t)
	server.Pause(t)
	until(t, rdb, isAway)
	began := time.Now()
	sub := rdb.Subscribe(t.Context(), "channel")
	defer sub.Close()
	if took := time.Since(began); took > busy {
		t.Errorf("subscribing took %v", took)
	}
	server.Resume(t)
}

func TestGateThatIsClosedStandsOpen(t *testing.T) {
	server := redistest.Start(t)
	rdb, err := Open("redis://"+server.Addr, API)
	if err != nil {
		t.Fatal(err)
	}
	defer rdb.Close()
	gate := NewGate(rdb, slog.New(slog.DiscardHandler))
	server.Pause(t)
	defer server.Resume(t)
	until(t, rdb, isAway)
	began := time.Now()
	if err := gate.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("closing took %v", took)
	}
	until(t, rdb, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) })
}

func TestLogTo(t *testing.T) {
	log := new(lines)
	LogTo(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { LogTo(slog.New(slog.DiscardHandler)) })
	logger{slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}.Printf(t.Context(), "lost %d", 3)
	if log.count(`level=DEBUG msg=go-redis message="lost 3"`) != 1 {
		t.Errorf("got %q", log.all.String())
	}
}
