package queue

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// In an outage of Redis each loop of asynq fails for each queue, again and again.
func TestAsynqLogsAnOutageOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := newLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
		outage := func() {
			for try := range 10 {
				for _, queue := range []string{"local.high", "cloud.high"} {
					l.Error(fmt.Sprintf("Failed to delete expired completed tasks from queue %q: dial tcp 127.0.0.1:%d: connect: connection refused", queue, 50000+try))
				}
				l.Warn("recoverer: could not list lease expired tasks: OOM command not allowed when used memory > 'maxmemory'")
				time.Sleep(30 * time.Second)
			}
		}
		loud := func() int {
			return strings.Count(out.String(), "level=ERROR") + strings.Count(out.String(), "level=WARN")
		}
		if outage(); loud() != 1 {
			t.Errorf("an outage: %d lines, want 1:\n%s", loud(), out.String())
		}
		if !strings.Contains(out.String(), "level=DEBUG") {
			t.Error("its other messages are not there for debugging")
		}
		l.Error("recovering from panic")
		if loud() != 2 {
			t.Errorf("another error during the outage was not logged:\n%s", out.String())
		}
		time.Sleep(quietFor)
		if outage(); loud() != 3 {
			t.Errorf("the next outage: %d lines, want 3 in all:\n%s", loud(), out.String())
		}
	})
}
