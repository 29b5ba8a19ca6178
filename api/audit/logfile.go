package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// logFile is the file of a log. One goroutine at a time may use it.
type logFile struct {
	cfg  Config
	lock *os.File

	file    *os.File
	size    int64  // what is in the file for good
	dirty   bool   // there may be more in it than size
	seq     uint64 // of the last line
	head    string // its hash
	day     string // when it was written, UTC
	opening []Entry
	buf     []byte
}

// openLogFile locks the file and finds the end of its chain, or begins one.
func openLogFile(cfg Config) (*logFile, error) {
	j := &logFile{cfg: cfg}
	var err error
	if j.lock, err = os.OpenFile(cfg.File+".lock", os.O_CREATE|os.O_RDWR, fileMode); err != nil {
		return nil, err
	}
	if err = flock(j.lock); err != nil {
		err = fmt.Errorf("another process keeps its audit log in %s; give each process a file of its own: %w", cfg.File, err)
	} else {
		err = j.resume()
	}
	if err != nil {
		return nil, errors.Join(err, j.close())
	}
	return j, nil
}

// fileMode lets only the user that runs Spillway read the log.
const fileMode = 0o600

// resume opens the file and finds where the chain goes on.
func (j *logFile) resume() error {
	f, err := os.OpenFile(j.cfg.File, os.O_CREATE|os.O_RDWR|os.O_APPEND, fileMode)
	if err != nil {
		return err
	}
	j.file = f
	if err := syncDir(j.cfg.File); err != nil { // it may be new
		return err
	}
	tail, torn, err := readTail(f)
	if err != nil {
		return err
	}
	if len(torn) > 0 {
		if err := j.putAside(tail, torn); err != nil {
			return err
		}
	}
	j.size = tail.size
	if tail.last == nil {
		return j.begin()
	}
	last, hash, err := readLine(tail.last, j.cfg.Key)
	if err != nil {
		return fmt.Errorf("the last line of %s cannot be continued: %w; \"spillway audit verify\" tells more; to begin a new chain, move the files away", j.cfg.File, err)
	}
	j.at(last, hash)
	j.opening = append([]Entry{{Action: actionStart, Outcome: Done}}, j.opening...)
	return nil
}

// at makes a line the last one.
func (j *logFile) at(last Entry, hash string) {
	j.seq, j.head, j.day = last.Sequence, hash, dayOf(last.Time)
}

func dayOf(t time.Time) string { return t.UTC().Format("20060102") }

// putAside keeps what a crash has torn in a file of its own.
func (j *logFile) putAside(tail tail, torn []byte) error {
	aside := j.cfg.File + ".torn-" + j.cfg.now().UTC().Format("20060102T150405.000000000")
	if err := writeNew(aside, torn); err != nil {
		return err
	}
	if err := j.file.Truncate(tail.size); err != nil {
		return err
	}
	j.cfg.Log.Warn("the audit log ended within a line, as after a crash; the rest was put aside", "file", aside, "bytes", len(torn))
	j.opening = append(j.opening, Entry{Action: actionRecover, Object: filepath.Base(aside), Outcome: Done})
	return nil
}

// begin makes the empty file go on where the newest archive ends, if there is
// one.
func (j *logFile) begin() error {
	first := Entry{Action: actionBegin, Outcome: Done}
	before, err := lastArchive(j.cfg.File)
	if err != nil {
		return err
	}
	if before != "" {
		last, hash, err := lastLine(before, j.cfg.Key)
		if err != nil {
			return fmt.Errorf("%s cannot be continued: %w; to begin a new chain, move the files away", before, err)
		}
		j.at(last, hash)
		first = continuing(before)
	}
	j.opening = append([]Entry{first}, j.opening...)
	return nil
}

// continuing is the first line of a file after another, which is told only where
// its name is known.
func continuing(before string) Entry {
	e := Entry{Action: actionContinue, Outcome: Done}
	if before != "" {
		e.Object = filepath.Base(before)
	}
	return e
}

// append adds lines for good, all or none.
func (j *logFile) append(entries []Entry) error {
	if err := j.prepare(); err != nil {
		return err
	}
	buf, seq, head := j.buf[:0], j.seq, j.head
	for _, lines := range [][]Entry{j.opening, entries} {
		for _, e := range lines {
			if e.Time.IsZero() {
				e.Time = j.cfg.now()
			}
			seq++
			e.Sequence, e.Previous, e.Time = seq, head, e.Time.UTC()
			var err error
			if buf, head, err = appendLine(buf, e.bounded(), j.cfg.Key); err != nil {
				return err
			}
		}
	}
	j.dirty = true
	if _, err := j.file.Write(buf); err != nil {
		return err
	}
	if err := j.cfg.sync(j.file); err != nil {
		return err
	}
	j.dirty, j.opening, j.buf = false, nil, buf
	j.size, j.seq, j.head, j.day = j.size+int64(len(buf)), seq, head, dayOf(j.cfg.now())
	return nil
}

// prepare makes sure that the file is as we left it, and begins another when its
// day is over or it is full.
func (j *logFile) prepare() error {
	if j.dirty {
		if err := j.file.Truncate(j.size); err != nil {
			return fmt.Errorf("remove what was written in part: %w", err)
		}
		j.dirty = false
	}
	ours, err := j.file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(j.cfg.File)
	moved := errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(ours, there) && there.Size() == 0
	switch {
	case moved:
		j.cfg.Log.Warn("the audit log was moved away; it goes on in a new file", "file", j.cfg.File, "sequence", j.seq, "hash", j.head)
		return j.renew("")
	case err != nil:
		return err
	case !os.SameFile(ours, there), ours.Size() != j.size:
		return fmt.Errorf("%s was changed by somebody else", j.cfg.File)
	case j.size > 0 && (dayOf(j.cfg.now()) > j.day || j.size >= j.cfg.MaxBytes):
		return j.rotate()
	}
	return nil
}

// rotate gives the file the name of an archive and begins another.
func (j *logFile) rotate() error {
	archive := archiveOf(j.cfg.File, j.day, j.seq)
	if err := os.Rename(j.cfg.File, archive); err != nil {
		return err
	}
	j.cfg.Log.Info("the audit log goes on in a new file", "before", archive, "sequence", j.seq, "hash", j.head)
	return j.renew(archive)
}

// renew begins a new file in place of one that has another name now.
func (j *logFile) renew(before string) error {
	f, err := os.OpenFile(j.cfg.File, os.O_CREATE|os.O_RDWR|os.O_APPEND, fileMode)
	if err != nil {
		return err // the next line tries again
	}
	if err := j.file.Close(); err != nil {
		j.cfg.Log.Warn("the full audit file was not closed", "error", err)
	}
	j.file, j.size, j.opening = f, 0, []Entry{continuing(before)}
	return syncDir(j.cfg.File)
}

// close releases the file and its lock.
func (j *logFile) close() error {
	var errs []error
	for _, f := range []*os.File{j.file, j.lock} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
