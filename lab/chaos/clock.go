//go:build unix

package main

import (
	"context"
	_ "embed"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

//go:embed clock.c.txt
var clockSource []byte

// clock is the wall clock of Redis: that of the machine, plus an offset that the
// harness sets. A library that is preloaded into redis-server adds it.
//
// It is not libfaketime (0.9.10), with which redis-server hangs in the
// initialization of jemalloc.
type clock struct {
	library string // "": there is no C compiler, and the clock cannot be set
	path    string // of the file that holds the offset

	mu     sync.Mutex
	shifts []shift // the first is at the zero time
}

// shift is a change of the offset.
type shift struct {
	at     time.Time
	offset time.Duration // from then on
}

// newClock builds the library in a folder.
func newClock(ctx context.Context, dir string) (*clock, error) {
	c := &clock{path: filepath.Join(dir, "clock.offset"), shifts: []shift{{}}}
	if err := c.write(0); err != nil {
		return nil, err
	}
	compiler, err := exec.LookPath("cc")
	if err != nil {
		return c, nil //nolint:nilerr // the run says that it tests no jumps
	}
	source, library := filepath.Join(dir, "clock.c"), filepath.Join(dir, "clock.so")
	if err := os.WriteFile(source, clockSource, 0o600); err != nil {
		return nil, fmt.Errorf("write the source of the clock: %w", err)
	}
	cmd := exec.CommandContext(ctx, compiler, "-shared", "-fPIC", "-O2", "-o", library, source) //nolint:gosec // our own source
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile the clock: %w\n%s", err, out)
	}
	c.library = library
	return c, nil
}

// env is what redis-server needs in its environment.
func (c *clock) env() []string {
	env := []string{"PATH=" + os.Getenv("PATH")}
	if c.library != "" {
		env = append(env, "LD_PRELOAD="+c.library, "CLOCK_OFFSET_FILE="+c.path)
	}
	return env
}

// jump adds to the offset.
func (c *clock) jump(by time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	offset := c.shifts[len(c.shifts)-1].offset + by
	c.shifts = append(c.shifts, shift{time.Now(), offset})
	return c.write(offset)
}

// write writes the offset in place: redis-server has mapped the file.
func (c *clock) write(offset time.Duration) error {
	f, err := os.OpenFile(c.path, os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // a file of our own
	if err != nil {
		return fmt.Errorf("set the clock: %w", err)
	}
	defer func() { _ = f.Close() }() // WriteAt has reported what matters
	var text [8]byte
	binary.NativeEndian.PutUint64(text[:], uint64(offset.Microseconds())) //nolint:gosec // its bits, as an int64 is read
	if _, err := f.WriteAt(text[:], 0); err != nil {
		return fmt.Errorf("set the clock: %w", err)
	}
	return nil
}

// machine returns when, by the machine's clock, Redis's clock read t. After a
// jump back it has read the same time twice: machine returns the first that is
// not before after.
func (c *clock) machine(t, after time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	best, found := time.Duration(math.MaxInt64), t
	for i, s := range c.shifts {
		at := t.Add(-s.offset)
		off := s.at.Sub(at) // how far t lies outside of this part
		if i+1 < len(c.shifts) {
			off = max(off, at.Sub(c.shifts[i+1].at))
		}
		if off = max(off, after.Sub(at), 0); off < best {
			best, found = off, at
		}
	}
	return found
}
