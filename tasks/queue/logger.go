package queue

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// quietFor is how long a message of asynq is not repeated: while Redis is unavailable
// its loops say the same every second.
const quietFor = time.Minute

// logger hands asynq's own words to slog, each not too often.
type logger struct {
	log *slog.Logger

	mu   sync.Mutex
	said map[string]time.Time
}

func newLogger(log *slog.Logger) *logger {
	return &logger{log: log, said: map[string]time.Time{}}
}

// Debug logs what only developers want to know.
func (l *logger) Debug(args ...any) { l.say(slog.LevelDebug, args) }

// Info is of no interest to operators: asynq logs its own start and stop.
func (l *logger) Info(args ...any) { l.say(slog.LevelDebug, args) }

// Warn logs something that asynq has repaired.
func (l *logger) Warn(args ...any) { l.say(slog.LevelWarn, args) }

// Error logs something that asynq could not do; its loops try again.
func (l *logger) Error(args ...any) { l.say(slog.LevelError, args) }

// Fatal does not end the process: that is for its composition root to decide.
func (l *logger) Fatal(args ...any) { l.say(slog.LevelError, args) }

func (l *logger) say(level slog.Level, args []any) {
	message := fmt.Sprint(args...)
	if !l.news(message, time.Now()) {
		return
	}
	switch level {
	case slog.LevelError:
		l.log.Error("asynq", "message", message)
	case slog.LevelWarn:
		l.log.Warn("asynq", "message", message)
	default:
		l.log.Debug("asynq", "message", message)
	}
}

// news reports whether a message has not been said for a while.
func (l *logger) news(message string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for m, at := range l.said {
		if now.Sub(at) >= quietFor {
			delete(l.said, m)
		}
	}
	if _, said := l.said[message]; said {
		return false
	}
	l.said[message] = now
	return true
}
