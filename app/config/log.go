package config

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/topcentral/spillway/api/access"
)

// redacted is how a log attribute is written: without the keys, tokens and passwords that
// may be in what callers sent or in what went wrong.
func redacted(_ []string, a slog.Attr) slog.Attr {
	if kind := a.Value.Kind(); kind != slog.KindString && kind != slog.KindAny {
		return a
	}
	text := fmt.Sprint(a.Value.Any())
	if safe := HidePassword(access.Redact(text)); safe != text {
		return slog.String(a.Key, safe)
	}
	return a
}

// NewLog returns the log that the settings ask for, with a warning for each
// variable that looks like a setting and is none.
func NewLog(c Config, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: c.LogLevel, ReplaceAttr: redacted}
	log := slog.New(slog.NewTextHandler(w, opts))
	if c.LogFormat == logJSON {
		log = slog.New(slog.NewJSONHandler(w, opts))
	}
	for _, problem := range c.Unknown {
		log.Warn("unknown setting", "problem", problem)
	}
	return log
}

// What SPILLWAY_LOG_FORMAT may be.
const (
	logText = "text"
	logJSON = "json"
)

// Redacted returns a handler that passes records to next without the keys, tokens and
// passwords in their attributes.
func Redacted(next slog.Handler) slog.Handler { return redacting{next} }

type redacting struct{ slog.Handler }

// Handle implements slog.Handler.
func (r redacting) Handle(ctx context.Context, record slog.Record) error {
	safe := slog.NewRecord(record.Time, record.Level, record.Message, record.PC)
	record.Attrs(func(a slog.Attr) bool {
		safe.AddAttrs(redacted(nil, a))
		return true
	})
	return r.Handler.Handle(ctx, safe)
}

// WithAttrs implements slog.Handler.
func (r redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	safe := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		safe[i] = redacted(nil, a)
	}
	return redacting{r.Handler.WithAttrs(safe)}
}

// WithGroup implements slog.Handler.
func (r redacting) WithGroup(name string) slog.Handler { return redacting{r.Handler.WithGroup(name)} }
