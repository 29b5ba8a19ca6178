package worker

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

func TestLogLinesOfAnAttemptNameTheTrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	trace := tasks.TakeUpTrace(http.Header{})
	j, _, err := w.Submit(tasks.WithTrace(t.Context(), trace), tenant, &tasks.Submission{Agent: "T1", Input: json.RawMessage(`{"kind":"good"}`)})
	if err != nil {
		t.Fatalf("submit: %v", err)
	}
	claim, err := w.store.Claim(t.Context(), j.ID, tasks.Local, "w1")
	if err != nil || claim.Verdict != store.Claimed {
		t.Fatalf("claim: got %+v, %v", claim, err)
	}
	var log bytes.Buffer
	one := New(defaults(), Parts{Store: w.store, Dispatcher: w.Dispatcher, Agents: testAgents(t), Log: slog.New(slog.NewTextHandler(&log, nil))})
	one.attempt(claim, tasks.Local).log.Info("attempt settled")
	if want := "trace_id=" + trace.ID(); !strings.Contains(log.String(), want) {
		t.Errorf("log: got %q, want %s in it", log.String(), want)
	}
}
