package config

import (
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
