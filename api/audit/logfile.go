package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// logFile is the file of a log. Only one goroutine at a time may use it.
type logFile struct {
	cfg  Config
	lock *os.File

	file    *os.File
	size    int64  // what was synced
	dirty   bool   // the file may be longer than size
	seq     uint64 // of the last line
	head    string // its hash
	day     string // when it was written, UTC
	opening []Entry
	buf     []byte
}

// openLogFile locks the file and finds the end of its chain, or begins one.
func openLogFile(cfg Config) (*logFile, error) {
	f := &logFile{cfg: cfg}
	var err error
	if f.lock, err = os.OpenFile(cfg.File+".lock", os.O_CREATE|os.O_RDWR, fileMode); err != nil {
		return nil, err
	}
	if err = flock(f.lock); err != nil {
		err = fmt.Errorf("another process writes its audit log to %s; give each process a file of its own: %w", cfg.File, err)
	} else {
		err = f.resume()
	}
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// fileMode lets only the user that runs Spillway read the log.
const fileMode = 0o600

// resume opens the file and finds the end of the chain.
func (f *logFile) resume() error {
	file, err := os.OpenFile(f.cfg.File, os.O_CREATE|os.O_RDWR|os.O_APPEND, fileMode)
	if err != nil {
		return err
	}
	f.file = file
	if err := syncDir(f.cfg.File); err != nil { // it may be new
		return err
	}
	tail, torn, err := readTail(file)
	if err != nil {
		return err
	}
	if len(torn) > 0 {
		if err := f.putAside(tail, torn); err != nil {
			return err
		}
	}
	f.size = tail.size
	if tail.last == nil {
		return f.begin()
	}
	last, hash, err := readLine(tail.last, f.cfg.Key)
	if err != nil {
		return fmt.Errorf("the chain cannot continue after the last line of %s: %w; run \"spillway audit verify\" for details, or move the files elsewhere to begin a new chain", f.cfg.File, err)
	}
	f.at(last, hash)
	f.opening = append([]Entry{{Action: actionStart, Outcome: Done}}, f.opening...)
	return nil
}

// at makes a line the last one.
func (f *logFile) at(last Entry, hash string) {
	f.seq, f.head, f.day = last.Sequence, hash, dayOf(last.Time)
}

func dayOf(t time.Time) string { return t.UTC().Format("20060102") }

// putAside moves what a crash has left incomplete to a file of its own.
func (f *logFile) putAside(tail tail, torn []byte) error {
	aside := f.cfg.File + ".torn-" + f.cfg.now().UTC().Format("20060102T150405.000000000")
	if err := writeNew(aside, torn); err != nil {
		return err
	}
	if err := f.file.Truncate(tail.size); err != nil {
		return err
	}
	f.cfg.Log.Warn("the audit log ended within a line, as after a crash; the incomplete line was put aside", "file", aside, "bytes", len(torn))
	f.opening = append(f.opening, Entry{Action: actionRecover, Object: filepath.Base(aside), Outcome: Done})
	return nil
}

// begin makes an empty file continue the newest archive, if there is one.
func (f *logFile) begin() error {
	first := Entry{Action: actionBegin, Outcome: Done}
	full, err := archives(f.cfg.File)
	if err != nil {
		return err
	}
	if len(full) > 0 {
		before := full[len(full)-1]
		last, hash, err := lastLine(before, f.cfg.Key)
		if err != nil {
			return fmt.Errorf("the chain cannot continue after %s: %w; move the files elsewhere to begin a new chain", before, err)
		}
		f.at(last, hash)
		first = continuing(before)
	}
	f.opening = append([]Entry{first}, f.opening...)
	return nil
}

// continuing returns the first line of a file that follows another; before is its
// name, "" if it is not known.
func continuing(before string) Entry {
	e := Entry{Action: actionContinue, Outcome: Done}
	if before != "" {
		e.Object = filepath.Base(before)
	}
	return e
}

// append writes and syncs lines, all or none.
func (f *logFile) append(entries []Entry) error {
	if err := f.prepare(); err != nil {
		return err
	}
	buf, seq, head := f.buf[:0], f.seq, f.head
	for _, lines := range [][]Entry{f.opening, entries} {
		for _, e := range lines {
			if e.Time.IsZero() {
				e.Time = f.cfg.now()
			}
			seq++
			e.Sequence, e.Previous, e.Time = seq, head, e.Time.UTC()
			var err error
			if buf, head, err = appendLine(buf, e.bounded(), f.cfg.Key); err != nil {
				return err
			}
		}
	}
	f.dirty = true
	if _, err := f.file.Write(buf); err != nil {
		return err
	}
	if err := f.cfg.sync(f.file); err != nil {
		return err
	}
	f.dirty, f.opening, f.buf = false, nil, buf
	f.size, f.seq, f.head, f.day = f.size+int64(len(buf)), seq, head, dayOf(f.cfg.now())
	return nil
}

// prepare makes sure that the file is as it was left, and begins another when its
// day is over or it is full.
func (f *logFile) prepare() error {
	if f.dirty {
		if err := f.file.Truncate(f.size); err != nil {
			return fmt.Errorf("remove an incomplete write: %w", err)
		}
		f.dirty = false
	}
	ours, err := f.file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(f.cfg.File)
	moved := errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(ours, there) && there.Size() == 0
	switch {
	case moved:
		f.cfg.Log.Warn("the audit log was moved; it continues in a new file", "file", f.cfg.File, "sequence", f.seq, "hash", f.head)
		return f.renew("")
	case err != nil:
		return err
	case !os.SameFile(ours, there), ours.Size() != f.size:
		return fmt.Errorf("%s was changed by another program", f.cfg.File)
	case f.size > 0 && (dayOf(f.cfg.now()) > f.day || f.size >= f.cfg.MaxBytes):
		return f.rotate()
	}
	return nil
}

// rotate renames the file to an archive and begins another.
func (f *logFile) rotate() error {
	archive := archiveOf(f.cfg.File, f.day, f.seq)
	if err := os.Rename(f.cfg.File, archive); err != nil {
		return err
	}
	f.cfg.Log.Info("the audit log continues in a new file", "before", archive, "sequence", f.seq, "hash", f.head)
	return f.renew(archive)
}

// renew begins a new file in place of one that was renamed.
func (f *logFile) renew(before string) error {
	file, err := os.OpenFile(f.cfg.File, os.O_CREATE|os.O_RDWR|os.O_APPEND, fileMode)
	if err != nil {
		return err // the next line tries again
	}
	if err := f.file.Close(); err != nil {
		f.cfg.Log.Warn("the previous audit file could not be closed", "error", err)
	}
	f.file, f.size, f.opening = file, 0, []Entry{continuing(before)}
	return syncDir(f.cfg.File)
}

// close releases the file and its lock.
func (f *logFile) close() error {
	var errs []error
	for _, file := range []*os.File{f.file, f.lock} {
		if file != nil {
			errs = append(errs, file.Close())
		}
	}
	return errors.Join(errs...)
}
