package audit

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/tasks"
)

func TestChangesThatComeTogetherAreSyncedTogether(t *testing.T) {
	var syncs atomic.Int64
	const writers = 200
	held, syncing := make(chan struct{}), make(chan struct{})
	l := open(t, Config{Patience: time.Minute, sync: func(f *os.File) error {
		if syncs.Add(1) == 2 { // the first is that of Open
			close(syncing)
			<-held
		}
		return f.Sync()
	}})
	var group sync.WaitGroup
	group.Go(func() { write(t, l, "/jobs/job_1") })
	<-syncing
	for range writers - 1 {
		group.Go(func() { write(t, l, "/jobs/job_1") })
	}
	for queued := 0; queued < writers-1; runtime.Gosched() {
		l.mu.Lock()
		queued = len(l.queue)
		l.mu.Unlock()
	}
	close(held)
	group.Wait()
	if got := syncs.Load(); got != 3 {
		t.Errorf("got %d syncs, want 3", got)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if s := sound(t, Key{}, l.cfg.File); s.Lines != writers+1 {
		t.Errorf("got %d lines, want %d", s.Lines, writers+1)
	}
	info, err := os.Stat(l.cfg.File)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
}

func TestALineIsWrittenOnce(t *testing.T) {
	l := open(t, Config{})
	line, err := l.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := line.Write(change("/jobs/job_1")); err != nil {
			t.Fatal(err)
		}
	}
	line.Release()
	if got := lines(t, l.cfg.File); len(got) != 2 {
		t.Errorf("got %q", got)
	}
}

func TestTheNilLogTakesEverything(t *testing.T) {
	var l *Log
	write(t, l, "/jobs/job_1")
	line, err := l.Begin(t.Context())
	line.Release()
	if err := errors.Join(err, l.Close()); err != nil {
		t.Error(err)
	}
}

func TestOneProcessWritesAFile(t *testing.T) {
	l := open(t, Config{})
	if _, err := Open(l.cfg); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("got %v", err)
	}
	l.Close()
	open(t, l.cfg)
}

// A disk that is full must stop what changes something, and lose no line of what
// was changed already.
func TestWhileItCannotBeWrittenNothingMayChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Bool
		var log bytes.Buffer
		l := open(t, Config{Log: slog.New(slog.NewTextHandler(&log, nil)), sync: func(f *os.File) error {
			if full.Load() {
				return errors.New("no space left")
			}
			return f.Sync()
		}})
		under, err := l.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		full.Store(true)
		if err := under.Write(change("/jobs/job_1")); tasks.CodeOf(err) != tasks.CodeUnavailable {
			t.Errorf("write: got %v", err)
		}
		if _, err := l.Begin(t.Context()); tasks.CodeOf(err) != tasks.CodeUnavailable {
			t.Errorf("begin: got %v", err)
		}
		full.Store(false)
		time.Sleep(2 * retryAfter)
		write(t, l, "/jobs/job_2")
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if s := sound(t, Key{}, l.cfg.File); s.Lines != 3 {
			t.Errorf("got %d lines, want 3", s.Lines)
		}
		if got := log.String(); strings.Count(got, "level=ERROR") != 1 || !strings.Contains(got, "no space left") || !strings.Contains(got, "can be written again") {
			t.Errorf("the log says %s", got)
		}
	})
}

func TestLinesThatAreLostAreToldAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Bool
		l := open(t, Config{sync: func(f *os.File) error {
			if full.Load() {
				return errors.New("no space left")
			}
			return nil
		}})
		line, err := l.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		full.Store(true)
		_ = line.Write(change("/jobs/job_1"))
		if err := l.Close(); err == nil || !strings.Contains(err.Error(), "1 lines are lost") {
			t.Errorf("got %v", err)
		}
	})
}

func TestALineAfterTheEndIsToldToBeLost(t *testing.T) {
	var log bytes.Buffer
	l := open(t, Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	line, err := l.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := line.Write(change("/jobs/job_1")); tasks.CodeOf(err) != tasks.CodeUnavailable {
		t.Errorf("got %v", err)
	}
	if got := log.String(); !strings.Contains(got, "is lost") || !strings.Contains(got, "/jobs/job_1") {
		t.Errorf("the log says %s", got)
	}
}

func TestNoMoreAreUnderWayThanMayBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, Config{Pending: 1})
		first, err := l.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Begin(t.Context()); tasks.CodeOf(err) != tasks.CodeUnavailable {
			t.Errorf("got %v", err)
		}
		time.AfterFunc(time.Second, first.Release)
		write(t, l, "/jobs/job_1")
		l.Close()
	})
}

func TestAFileThatSomebodyElseChangesStopsTheLog(t *testing.T) {
	l := open(t, Config{Patience: time.Millisecond})
	f, err := os.OpenFile(l.cfg.File, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("{}\n"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	line, err := l.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := line.Write(change("/jobs/job_1")); tasks.CodeOf(err) != tasks.CodeUnavailable {
		t.Errorf("got %v", err)
	}
	if err := l.Close(); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("got %v", err)
	}
}

func TestSecretsAndLongTextsAreNotKept(t *testing.T) {
	const secret = "spw_live_4fQ0aT2bXk9Z_" + "0123456789012345678901234567890123456789012345678"
	l := open(t, Config{})
	write(t, l, "/jobs/"+secret)
	write(t, l, "/jobs/"+strings.Repeat("é", 10_000)+"\n")
	l.Close()
	text := strings.Join(lines(t, l.cfg.File), "")
	if strings.Contains(text, "0123456789") || len(text) > 3000 {
		t.Errorf("got %s", text)
	}
	sound(t, Key{}, l.cfg.File)
}

func BenchmarkWrite(b *testing.B) {
	l := open(b, Config{File: filepath.Join(b.TempDir(), "audit.jsonl")})
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			write(b, l, "/jobs/job_1")
		}
	})
}
