package attempt

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

func TestLogLinesOfAnAttemptNameTheTrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	trace := tasks.TakeUpTrace(http.Header{})
	j, _, err := w.Submit(tasks.WithTrace(t.Context(), trace), "acme", &tasks.Submission{Agent: "T1", Input: json.RawMessage(`{"kind":"good"}`)})
	if err != nil {
		t.Fatalf("submit: %v", err)
	}
	claim, err := w.store.Claim(t.Context(), j.ID, tasks.Local, "w1")
	if err != nil || claim.Verdict != store.Claimed {
		t.Fatalf("claim: got %+v, %v", claim, err)
	}
	var log bytes.Buffer
	w.runner.Log = slog.New(slog.NewTextHandler(&log, nil))
	w.runner.attempt(claim, tasks.Local).log.Info("attempt settled")
	if want := "trace_id=" + trace.ID(); !strings.Contains(log.String(), want) {
		t.Errorf("log: got %q, want %s in it", log.String(), want)
	}
}
