package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Whatever a client command is doing, an interrupt ends it.
func TestAnInterruptedCommandSaysSoByItsExitCode(t *testing.T) {
	for _, args := range [][]string{{"get", "job_1", "--wait"}, {"watch", "job_1"}, {"submit", "A02", "--wait"}} {
		t.Run(args[0], func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			stdout, stderr, code := spillwayWith(ctx, t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					fmt.Fprint(w, `{"id":"job_1","state":"queued"}`)
					return
				}
				interrupt()
				<-r.Context().Done()
			}, args...)
			if code != exitInterrupted || stdout != "" || strings.Contains(stderr, "spillway:") {
				t.Errorf("got %d, %q, %q, want %d and no error", code, stdout, stderr, exitInterrupted)
			}
		})
	}
}

func TestAJobThatEndsWithoutAResultIsAnErrorToWhoWaits(t *testing.T) {
	tests := map[string]struct {
		job  string
		says string
		code int
	}{
		"succeeded": {`{"state":"succeeded"}`, "", exitOK},
		"canceled":  {`{"state":"canceled"}`, "spillway: the job was canceled\n", exitError},
		"failed":    {`{"state":"failed","error":{"code":"deadline_exceeded","message":"too late"}}`, "spillway: the job failed: too late\n", exitError},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			api := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, tt.job) }
			if out, says, code := spillway(t, api, "get", "job_1", "--wait"); code != tt.code || says != tt.says || !strings.Contains(out, name) {
				t.Errorf("with --wait: got %d, %q, %q", code, says, out)
			}
			if out, says, code := spillway(t, api, "get", "job_1"); code != exitOK || says != "" || !strings.Contains(out, name) {
				t.Errorf("without: got %d, %q, %q", code, says, out)
			}
		})
	}
}
