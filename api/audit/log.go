package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// Config configures a log.
type Config struct {
	// File is where lines are appended. Full files are beside it, with the day and the
	// number of their last line in their names.
	File string
	// Key makes the hashes, unless it is zero.
	Key Key
	// MaxBytes is the size above which a new file is begun; one is begun each day (UTC)
	// in any case. Default 256 MiB.
	MaxBytes int64
	// Pending is how many changes may be in progress or waiting for the disk at once.
	// Default 4096.
	Pending int
	// Reserve is how many bytes of the disk are kept for the lines of operators when it
	// is full. Default 8 MiB; negative: none.
	Reserve int64
	// Patience is how long a change waits for a slot, and its line for the disk.
	// Default 5 s.
	Patience time.Duration
	// Log gets failures, and from time to time the hash of the last line. Default:
	// discarded.
	Log *slog.Logger

	now  func() time.Time
	sync func(*os.File) error
}

func (c Config) withDefaults() Config {
	c.MaxBytes = cmp.Or(c.MaxBytes, 256<<20)
	c.Pending = cmp.Or(c.Pending, 4096)
	c.Reserve = cmp.Or(c.Reserve, 8<<20)
	c.Patience = cmp.Or(c.Patience, 5*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.sync == nil {
		c.sync = (*os.File).Sync
	}
	return c
}

// Log is an audit log. It is safe for concurrent use. The nil Log accepts every
// change and records none.
type Log struct {
	cfg    Config
	slots  chan struct{} // one taken by each change in progress
	wake   chan struct{}
	stop   chan struct{}
	ended  chan error
	closed func() error

	mu     sync.Mutex // guards the rest
	queue  []*Line
	broken error // why the last write failed; nil: it did not
	full   bool  // the disk is full, and the reserve in use
	over   bool  // the log is closed
}

// Open opens or begins a log. It checks the end of an existing one, and puts aside
// what a crash has left incomplete. It fails if another process writes the file.
func Open(cfg Config) (*Log, error) {
	cfg = cfg.withDefaults()
	f, err := openLogFile(cfg)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	if err := f.append(nil); err != nil {
		return nil, fmt.Errorf("audit log: %w", errors.Join(err, f.close()))
	}
	cfg.Log.Info("audit log opened", "file", cfg.File, "sequence", f.seq, "hash", f.head)
	l := &Log{
		cfg: cfg, slots: make(chan struct{}, cfg.Pending),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan error, 1),
	}
	l.closed = sync.OnceValue(func() error {
		close(l.stop)
		err := <-l.ended
		l.mu.Lock()
		defer l.mu.Unlock()
		l.broken, l.over = errors.New("it is closed"), true
		return errors.Join(err, lost(len(l.queue), l.broken))
	})
	r := &reserve{path: cfg.File + ".reserve", size: cfg.Reserve, sync: cfg.sync}
	if err := r.make(); err != nil {
		cfg.Log.Warn("no disk space could be reserved for the audit lines of operators; free some", "file", r.path, "error", err)
	}
	go func() { l.ended <- l.run(f, r) }()
	return l, nil
}

// Close writes the lines that wait and closes the file. The line of a change that
// is still in progress is lost, and this is logged.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	return l.closed()
}

// errUnavailable refuses a change that could not be recorded.
var errUnavailable = tasks.Errorf(tasks.CodeUnavailable, "The audit log cannot be written, so nothing can be changed now; try again shortly.")

// Begin reserves the line of a change that is about to be made by the principal of
// ctx. It waits while too many changes are in progress. CodeUnavailable means
// that the change must not be made: the log cannot be written, or the disk is full
// and the principal is no operator. The line must be written or dropped.
func (l *Log) Begin(ctx context.Context) (*Line, error) {
	if l == nil {
		return nil, nil //nolint:nilnil // the nil Line records nothing
	}
	l.mu.Lock()
	broken, full := l.broken, l.full
	l.mu.Unlock()
	if broken != nil {
		return nil, errUnavailable.WithCause(broken)
	}
	if full && !mayUseReserve(ctx) {
		return nil, errUnavailable.WithCause(errors.New("audit log: the disk is full, and the reserve is for operators"))
	}
	select {
	case l.slots <- struct{}{}:
		return newLine(l), nil
	default:
	}
	patience := time.NewTimer(l.cfg.Patience)
	defer patience.Stop()
	select {
	case l.slots <- struct{}{}:
		return newLine(l), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-patience.C:
		return nil, errUnavailable.WithCause(errors.New("audit log: too many changes are waiting for the disk"))
	}
}

// Line is a reserved line. The nil Line records nothing.
type Line struct {
	log     *Log
	entry   Entry
	written chan struct{} // closed when it is on disk

	mu   sync.Mutex // guards used
	used bool
}

func newLine(l *Log) *Line { return &Line{log: l, written: make(chan struct{})} }

// use reports whether this is the line's first use.
func (n *Line) use() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	first := !n.used
	n.used = true
	return first
}

// Write writes e, and returns when it is on disk. A second Write does nothing.
// CodeUnavailable means that it is not on disk yet: the line is not lost, but
// written as soon as possible.
func (n *Line) Write(e Entry) error {
	if n == nil || !n.use() {
		return nil
	}
	l := n.log
	n.entry = e
	if e.Time.IsZero() {
		n.entry.Time = l.cfg.now()
	}
	if !l.enqueue(n) {
		l.cfg.Log.Error("an audit line is lost: the log was closed before the change ended", "action", e.Action, "object", e.bounded().Object, "request_id", e.RequestID)
		return errUnavailable.WithCause(errors.New("audit log: it is closed"))
	}
	select {
	case l.wake <- struct{}{}:
	default: // the writer is awake already
	}
	patience := time.NewTimer(l.cfg.Patience)
	defer patience.Stop()
	select {
	case <-n.written:
		return nil
	case <-patience.C:
		return errUnavailable.WithCause(errors.New("audit log: the line is waiting for the disk"))
	}
}

// enqueue queues a line, unless the log is closed.
func (l *Log) enqueue(n *Line) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return false
	}
	l.queue = append(l.queue, n)
	return true
}

// Release frees the line when there is nothing to record.
func (n *Line) Release() {
	if n != nil && n.use() {
		<-n.log.slots
	}
}
