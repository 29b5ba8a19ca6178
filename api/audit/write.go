package audit

import (
	"errors"
	"fmt"
	"time"
)

// retryAfter is how long the writer waits after it has failed.
const retryAfter = time.Second

// run writes what is queued until it is told to stop: all that came while the
// last lines were on their way to the disk goes there together.
func (l *Log) run(j *logFile, r *reserve) error {
	for {
		var restore <-chan time.Time
		if r.missing() {
			restore = time.After(restoreEvery)
		}
		select {
		case <-l.wake:
			if err := l.drain(j, r); err != nil {
				return errors.Join(err, j.close())
			}
		case <-restore:
			l.restore(r)
		case <-l.stop:
			err := l.drain(j, r)
			l.cfg.Log.Info("audit log closed", "file", l.cfg.File, "sequence", j.seq, "hash", j.head)
			return errors.Join(err, j.close())
		}
	}
}

// drain writes until nothing is queued. It fails only when the log is told to
// stop while it cannot write.
func (l *Log) drain(j *logFile, r *reserve) error {
	for batch := l.dequeue(); len(batch) > 0; batch = l.dequeue() {
		if err := l.persist(j, r, batch); err != nil {
			return err
		}
	}
	return nil
}

// persist writes lines, again and again if it must.
func (l *Log) persist(j *logFile, r *reserve, batch []*Line) error {
	for l.commit(j, r, batch) != nil {
		select {
		case <-l.stop:
			if err := l.commit(j, r, batch); err != nil {
				return lost(len(batch), err)
			}
			return nil
		case <-time.After(retryAfter):
		}
	}
	return nil
}

// lost tells that lines are lost, if there are any.
func lost(lines int, why error) error {
	if lines == 0 {
		return nil
	}
	return fmt.Errorf("audit log: %d lines are lost: %w", lines, why)
}

// take returns what is queued.
func (l *Log) dequeue() []*Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := l.queue
	l.queue = nil
	return batch
}

// commit puts lines on disk, tells those who wait for them, and frees their
// places.
func (l *Log) commit(j *logFile, r *reserve, batch []*Line) error {
	entries := make([]Entry, len(batch))
	for i, n := range batch {
		entries[i] = n.entry
	}
	err := j.append(entries)
	if diskFull(err) && r.release() {
		l.cfg.Log.Error("the disk of the audit log is full: only changes by operators are recorded now, and those of tenants refused; free disk space", "file", l.cfg.File, "reserve_bytes", r.size, "error", err)
		l.setFull(true)
		err = j.append(entries)
	}
	l.mu.Lock()
	before := l.broken
	l.broken = err
	l.mu.Unlock()
	switch {
	case err != nil && before == nil:
		l.cfg.Log.Error("the audit log cannot be written; changes are refused until it can", "file", l.cfg.File, "error", err)
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

// restore makes the reserve again if there is space for it, which opens the log to
// tenants.
func (l *Log) restore(r *reserve) {
	if r.hold() != nil {
		return
	}
	l.setFull(false)
	l.cfg.Log.Info("the disk of the audit log has space again; all changes are recorded", "file", l.cfg.File)
}
