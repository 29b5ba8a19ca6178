package queue

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// quietFor is how long a message of asynq is not repeated: while Redis is unavailable
// its loops say the same every second.
const quietFor = time.Minute

// outageWords are in the messages of asynq, which has only texts, while Redis cannot
// be reached or refuses commands. Each loop and queue then has a message of its own.
var outageWords = []string{
	"connect:", "connection re", "broken pipe", "i/o timeout", "EOF", "connection pool", "no such host",
	"OOM command not allowed", "MISCONF", "READONLY", "LOADING", "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS",
}

// logger hands asynq's own words to slog, each not too often, and one for an outage
// of Redis; the others of the outage are for debugging.
type logger struct {
	log *slog.Logger

	mu     sync.Mutex
	said   map[string]time.Time
	outage time.Time // of the last message about the present outage
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
	now := time.Now()
	if level > slog.LevelDebug && l.ofOutage(message, now) {
		level = slog.LevelDebug
	}
	if !l.news(message, now) {
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

// ofOutage reports whether a message is about an outage of which another was logged.
// An outage is over when there was no message about it for a while.
func (l *logger) ofOutage(message string, now time.Time) bool {
	if !slices.ContainsFunc(outageWords, func(w string) bool { return strings.Contains(message, w) }) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	logged := now.Sub(l.outage) < quietFor
	l.outage = now
	return logged
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
