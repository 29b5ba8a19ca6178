//go:build unix

package main

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/history"
)

// launch keeps a shell command up, and returns it and what it was told of its
// ends.
func launch(t *testing.T, script string) (*process, <-chan string) {
	t.Helper()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("SKIPPED, NOT TESTED: there is no sh")
	}
	fates := make(chan string, 16)
	p := &process{
		name: "test", path: shell, args: []string{"-c", script}, logPath: filepath.Join(t.TempDir(), "log"),
		done: make(chan struct{}),
		onExit: func(_ time.Duration, err error) {
			select {
			case fates <- err.Error():
			default:
			}
		},
	}
	life, stop := context.WithCancel(context.Background())
	go p.run(life)
	t.Cleanup(func() { stop(); <-p.done })
	return p, fates
}

func TestKilledProcessComesBackUnderAnotherNumber(t *testing.T) {
	p, fates := launch(t, "exec sleep 60")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := p.restarted(ctx, 0); err != nil {
		t.Fatal(err)
	}
	pid := p.signal(syscall.SIGKILL, 0)
	if err := p.restarted(ctx, pid); err != nil {
		t.Fatal(err)
	}
	if p.pid() == pid {
		t.Error("it is still the same")
	}
	select {
	case <-fates:
		t.Error("a kill of ours was told as an end by itself")
	default:
	}
}

func TestEndByItselfIsTold(t *testing.T) {
	_, fates := launch(t, "exit 3")
	select {
	case <-fates:
	case <-time.After(20 * time.Second):
		t.Error("not told")
	}
}

func TestReceiveReadsEventsUntilTheClientLeaves(t *testing.T) {
	const text = "retry: 2000\n\n: still here\n\nid: 1\nevent: job.queued\ndata: {}\n\nid: 2\nevent: job.running\ndata: {}\n\n"
	s := &history.Stream{}
	if err := (&life{}).receive(strings.NewReader(text), s); err.Error() != "EOF" {
		t.Errorf("got %v, want EOF", err)
	}
	if len(s.Events) != 2 || s.Events[0].Type != "job.queued" || s.Events[1].Sequence != 2 {
		t.Errorf("got %+v", s.Events)
	}
	s = &history.Stream{}
	if err := (&life{plan: lifePlan{leaveAfter: 1}}).receive(strings.NewReader(text), s); !errors.Is(err, errLeft) || len(s.Events) != 1 {
		t.Errorf("a client that leaves: got %v and %d events", err, len(s.Events))
	}
}
