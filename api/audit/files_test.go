package audit

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestARestartGoesOn(t *testing.T) {
	path := written(t, Key{}, 2)
	l := open(t, Config{File: path})
	write(t, l, "/jobs/job_2")
	l.Close()
	if s := sound(t, Key{}, path); s.Lines != 5 || s.First != 1 {
		t.Errorf("got %+v", s)
	}
	if got := lines(t, path)[3]; !strings.Contains(got, actionStart) {
		t.Errorf("got %s", got)
	}
}

func TestALineThatACrashHasTornIsPutAside(t *testing.T) {
	for _, c := range []struct {
		name, torn string
		lines      int // that are left
	}{
		{"a part of a line", `{"seq":4,"ts":"20`, 3},
		{"a whole line without its end", `{}`, 3},
		{"blocks of zeros", "{\x00\x00\n\x00\x00\n\x00", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := written(t, Key{}, 2)
			rewrite(t, path, append(lines(t, path), c.torn))
			var log bytes.Buffer
			l := open(t, Config{File: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
			l.Close()
			if s := sound(t, Key{}, path); s.Lines != c.lines+2 {
				t.Errorf("got %d lines", s.Lines)
			}
			aside, err := filepath.Glob(path + ".torn-*")
			if err != nil || len(aside) != 1 || strings.Join(lines(t, aside[0]), "") != c.torn {
				t.Errorf("put aside: %v, %v", aside, err)
			}
			if got := strings.Join(lines(t, path), ""); !strings.Contains(got, actionRecover) || !strings.Contains(log.String(), "put aside") {
				t.Errorf("nothing tells of it:\n%s%s", got, log.String())
			}
		})
	}
}

func TestAFileOfATornLineAloneBeginsAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	rewrite(t, path, []string{`{"seq":1`})
	open(t, Config{File: path}).Close()
	if s := sound(t, Key{}, path); s.Lines != 2 {
		t.Errorf("got %+v", s)
	}
}

func TestAnEndThatWasTouchedIsNotContinued(t *testing.T) {
	path := written(t, Key{}, 2)
	all := lines(t, path)
	all[2] = strings.Replace(all[2], "acme", "evil", 1)
	rewrite(t, path, all)
	if _, err := Open(Config{File: path}); err == nil || !strings.Contains(err.Error(), "audit verify") {
		t.Errorf("got %v", err)
	}
	if _, err := Open(Config{File: written(t, Key{}, 1), Key: key(t, "1")}); err == nil || !strings.Contains(err.Error(), "SPILLWAY_AUDIT_KEY") {
		t.Errorf("with a key: got %v", err)
	}
}

func TestFilesAreRotated(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes int64
		pass  time.Duration
	}{{"each day", 0, 24 * time.Hour}, {"when they are full", 500, 0}} {
		t.Run(c.name, func(t *testing.T) {
			clock := newClock()
			l := open(t, Config{MaxBytes: c.bytes, now: clock.now})
			for range 3 {
				write(t, l, "/jobs/job_1")
				clock.pass(c.pass)
			}
			l.Close()
			files := filesOf(t, l.cfg.File)
			if len(files) != 3 || files[2] != l.cfg.File {
				t.Fatalf("got %v", files)
			}
			s := sound(t, Key{}, files...)
			if got := lines(t, files[1])[0]; !strings.Contains(got, actionContinue) || !strings.Contains(got, filepath.Base(files[0])) {
				t.Errorf("the second file begins with %s", got)
			}
			if _, err := Verify(files[1:], Key{}, s.Hash); err != nil {
				t.Errorf("without the first: %v", err)
			}
			if _, err := Verify([]string{files[0], files[2]}, Key{}, ""); err == nil {
				t.Error("a file that is missing is not noticed")
			}
			if _, err := Verify([]string{files[1], files[0], files[2]}, Key{}, ""); err == nil {
				t.Error("files in another order are not noticed")
			}

			// The process died after it had renamed the file.
			if err := os.Remove(files[2]); err != nil {
				t.Fatal(err)
			}
			again := open(t, Config{File: l.cfg.File, now: clock.now})
			again.Close()
			sound(t, Key{}, filesOf(t, l.cfg.File)...)
		})
	}
}

func TestAFileThatIsMovedAwayIsFollowedByAnother(t *testing.T) {
	for _, again := range []bool{false, true} {
		l := open(t, Config{})
		write(t, l, "/jobs/job_1")
		moved := l.cfg.File + ".1"
		if err := os.Rename(l.cfg.File, moved); err != nil {
			t.Fatal(err)
		}
		if again {
			rewrite(t, l.cfg.File, nil)
		}
		write(t, l, "/jobs/job_2")
		l.Close()
		sound(t, Key{}, moved, l.cfg.File)
	}
}
