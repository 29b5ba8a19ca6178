// Package redistest starts Redis servers for tests: the embedded one, and a
// real redis-server where the machine has it.
package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Each runs test on an embedded Redis and on a real one.
func Each(t *testing.T, test func(t *testing.T, rdb *redis.Client)) {
	t.Run("miniredis", func(t *testing.T) { test(t, Embedded(t)) })
	t.Run("redis-server", func(t *testing.T) { test(t, Real(t)) })
}

// Embedded returns a client of a miniredis that ends with the test.
func Embedded(t testing.TB) *redis.Client {
	t.Helper()
	m := miniredis.NewMiniRedis()
	m.ClockTTL(true)
	if err := m.Start(); err != nil {
		t.Fatalf("start miniredis: %v", err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: m.Addr()})
	t.Cleanup(func() {
		rdb.Close() //nolint:errcheck,gosec // the server goes with it
		m.Close()
	})
	return rdb
}

// Require is the environment variable that turns a missing redis-server from a
// skipped test into a failed one.
const Require = "SPILLWAY_TEST_REQUIRE_REDIS"

// Real returns a client of a redis-server that ends with the test. Where there
// is none the test is skipped, or failed if Require is set.
func Real(t testing.TB) *redis.Client {
	t.Helper()
	return Start(t).Client(t)
}

// Server is a redis-server process of the test's own, with an append-only file.
type Server struct {
	Addr string
	dir  string
	more []string // further arguments
	cmd  *exec.Cmd
}

// Start starts a redis-server on a free port of the loopback interface.
func Start(t testing.TB) *Server {
	t.Helper()
	return start(t)
}

// StartWith is Start with further arguments of redis-server.
func StartWith(t testing.TB, more ...string) *Server {
	t.Helper()
	return start(t, more...)
}

// start starts a redis-server with further arguments.
func start(t testing.TB, more ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv(Require) != "" {
			t.Fatalf("redis-server is not installed, and %s is set", Require)
		}
		t.Skip("SKIPPED, NOT TESTED: redis-server is not installed; install Debian's package redis-server to run this test")
	}
	s := &Server{Addr: freeAddr(t), dir: t.TempDir(), more: more}
	s.Restart(t)
	t.Cleanup(func() { s.Kill() })
	return s
}

// Restart starts the server again, on the same port and data, after Kill.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	_, port, _ := net.SplitHostPort(s.Addr)
	args := []string{
		"--port", port, "--bind", "127.0.0.1", "--dir", s.dir,
		"--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction",
	}
	s.cmd = exec.Command("redis-server", append(args, s.more...)...) //nolint:gosec // a port and a folder of our own
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("start redis-server: %v", err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: s.Addr})
	defer rdb.Close() //nolint:errcheck // nothing was written
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for rdb.Ping(ctx).Err() != nil {
		if ctx.Err() != nil {
			t.Fatalf("redis-server on %s does not answer", s.Addr)
		}
	}
}

// Kill ends the server at once, as a crash would.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill() //nolint:errcheck,gosec // it may have ended by itself
	s.cmd.Wait()         //nolint:errcheck,gosec // it was killed
	s.cmd = nil
}

// Pause makes the server hang: its port stays open, and nothing answers.
func (s *Server) Pause(t testing.TB) { s.signal(t, syscall.SIGSTOP) }

// Resume ends what Pause began.
func (s *Server) Resume(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *Server) signal(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("signal redis-server: %v", err)
	}
}

// Client returns a client of the server that ends with the test.
func (s *Server) Client(t testing.TB) *redis.Client {
	rdb := redis.NewClient(&redis.Options{Addr: s.Addr})
	t.Cleanup(func() { _ = rdb.Close() }) // the test is over
	return rdb
}

// Patient returns a client of the same server that waits for a place and for an
// answer however slow the machine is. It ends with the test.
func Patient(t testing.TB, rdb *redis.Client) *redis.Client {
	o := *rdb.Options()
	o.ReadTimeout, o.WriteTimeout, o.PoolTimeout, o.DialTimeout = time.Minute, time.Minute, time.Minute, time.Minute
	patient := redis.NewClient(&o)
	t.Cleanup(func() { _ = patient.Close() }) // the test is over
	return patient
}

func freeAddr(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	defer l.Close() //nolint:errcheck // it only held the port
	return fmt.Sprint(l.Addr())
}
