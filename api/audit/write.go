package audit

import (
	"errors"
	"fmt"
	"time"
)

// retryAfter is how long the writer waits after it has failed.
const retryAfter = time.Second

// run writes queued lines until the log is closed. Lines that are queued while others
// are being synced are written and synced together.
func (l *Log) run(f *logFile, r *reserve) error {
	for {
		var restore <-chan time.Time
		if r.missing() {
			restore = time.After(restoreEvery)
		}
		select {
		case <-l.wake:
			if err := l.drain(f, r); err != nil {
				return errors.Join(err, f.close())
			}
		case <-restore:
			l.restore(r)
		case <-l.stop:
			err := l.drain(f, r)
			l.cfg.Log.Info("audit log closed", "file", l.cfg.File, "sequence", f.seq, "hash", f.head)
			return errors.Join(err, f.close())
		}
	}
}

// drain writes until nothing is queued. It fails only when the log is closed while
// it cannot be written.
func (l *Log) drain(f *logFile, r *reserve) error {
	for batch := l.dequeue(); len(batch) > 0; batch = l.dequeue() {
		if err := l.persist(f, r, batch); err != nil {
			return err
		}
	}
	return nil
}

// persist writes lines, and retries until it succeeds or the log is closed.
func (l *Log) persist(f *logFile, r *reserve, batch []*Line) error {
	for l.commit(f, r, batch) != nil {
		select {
		case <-l.stop:
			if err := l.commit(f, r, batch); err != nil {
				return lost(len(batch), err)
			}
			return nil
		case <-time.After(retryAfter):
		}
	}
	return nil
}

// lost returns the error for lines that are lost, nil if there are none.
func lost(lines int, why error) error {
	if lines == 0 {
		return nil
	}
	return fmt.Errorf("audit log: %d lines are lost: %w", lines, why)
}

// dequeue returns all queued lines.
func (l *Log) dequeue() []*Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := l.queue
	l.queue = nil
	return batch
}

// commit writes lines to disk, wakes their waiters, and frees their slots.
func (l *Log) commit(f *logFile, r *reserve, batch []*Line) error {
	entries := make([]Entry, len(batch))
	for i, n := range batch {
		entries[i] = n.entry
	}
	err := f.append(entries)
	if diskFull(err) && r.release() {
		l.cfg.Log.Error("the disk of the audit log is full: changes by operators go on, changes by tenants are refused; free disk space", "file", l.cfg.File, "reserve_bytes", r.size, "error", err)
		l.setFull(true)
		err = f.append(entries)
	}
	l.mu.Lock()
	before := l.broken
	l.broken = err
	l.mu.Unlock()
	switch {
	case err != nil && before == nil:
		l.cfg.Log.Error("the audit log cannot be written; changes are refused until it can be", "file", l.cfg.File, "error", err)
	case err == nil && before != nil:
		l.cfg.Log.Info("the audit log can be written again", "file", l.cfg.File)
	}
	if err != nil {
		return err
	}
	for _, n := range batch {
		close(n.written)
		<-l.slots
	}
	return nil
}

func (l *Log) setFull(full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.full = full
}

// restore makes the reserve anew if there is space for it, and then accepts changes
// by tenants again.
func (l *Log) restore(r *reserve) {
	if r.make() != nil {
		return
	}
	l.setFull(false)
	l.cfg.Log.Info("the disk of the audit log has space again; changes by tenants are accepted", "file", l.cfg.File)
}
