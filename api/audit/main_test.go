package audit

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/topcentral/spillway/api/access"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// open opens a log in a folder of the test's own, or in that of cfg.
func open(t testing.TB, cfg Config) *Log {
	t.Helper()
	if cfg.File == "" {
		cfg.File = filepath.Join(t.TempDir(), "audit.jsonl")
	}
	if cfg.Reserve == 0 {
		cfg.Reserve = -1 // none, unless it is what the test is about
	}
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// change is a change like any other.
func change(object string) Entry {
	return Entry{
		Tenant: "acme", Method: access.ByKey, Subject: "4fQ0aT2bXk9Z", Address: netip.MustParseAddr("192.0.2.7"),
		Action: "submitJob", Object: object, Outcome: Done, Status: 202, RequestID: "req_1",
	}
}

// write records a change.
func write(t testing.TB, l *Log, object string) {
	t.Helper()
	line, err := l.Begin(t.Context())
	if err == nil {
		err = line.Write(change(object))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// written makes a log of that many changes, and returns its file.
func written(t *testing.T, k Key, changes int) (path string) {
	t.Helper()
	l := open(t, Config{Key: k})
	for range changes {
		write(t, l, "/jobs/job_1")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.cfg.File
}

// lines returns the lines of a file.
func lines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(strings.Lines(string(text)))
}

// rewrite replaces the lines of a file.
func rewrite(t *testing.T, path string, lines []string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), fileMode); err != nil {
		t.Fatal(err)
	}
}

// filesOf lists the files of a log, the oldest first.
func filesOf(t *testing.T, path string) []string {
	t.Helper()
	files, err := filepath.Glob(strings.TrimSuffix(path, ".jsonl") + "*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func key(t *testing.T, digit string) (k Key) {
	t.Helper()
	if err := k.UnmarshalText(bytes.Repeat([]byte(digit), 64)); err != nil {
		t.Fatal(err)
	}
	return k
}

// sound fails unless the files are one chain.
func sound(t *testing.T, k Key, files ...string) Summary {
	t.Helper()
	s, err := Verify(files, k, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}
