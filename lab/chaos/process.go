//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/topcentral/spillway/lab/history"
)

// process is a program that is started again whenever it ends, as a service
// manager would.
type process struct {
	kind    history.Kind
	name    string
	group   string // of those that can replace each other
	path    string
	args    []string
	env     []string
	logPath string
	link    *link  // its way to Redis; nil for Redis itself
	agents  string // its directory of agents; "": it has the built-in ones alone

	mu        sync.Mutex
	cmd       *exec.Cmd     // nil while it is down
	restartIn time.Duration // how long it stays down the next time

	onStart  func(pid int)                     // called after each start; may be nil
	onExit   func(up time.Duration, err error) // called after each exit that no signal of ours caused
	signaled bool                              // a signal was sent to this incarnation
	done     chan struct{}                     // closed when run has returned
}

// restartAfter is how long a process that ended by itself stays down.
const restartAfter = 300 * time.Millisecond

// run keeps the process up until ctx ends, and then kills it.
func (p *process) run(ctx context.Context) {
	defer close(p.done)
	for ctx.Err() == nil {
		began := time.Now()
		err := p.live(ctx)
		if ctx.Err() != nil {
			return
		}
		p.mu.Lock()
		rest, sent := p.restartIn, p.signaled
		p.restartIn = restartAfter
		p.mu.Unlock()
		if !sent {
			p.onExit(time.Since(began), err)
		}
		sleep(ctx, rest)
	}
}

// live is one incarnation of the process.
func (p *process) live(ctx context.Context) error {
	log, err := os.OpenFile(p.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", p.name, err)
	}
	defer func() { _ = log.Close() }()                 // the process has its own handle
	cmd := exec.CommandContext(ctx, p.path, p.args...) //nolint:gosec // what is under test
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, log, log
	// A Ctrl-C at the terminal is for us: we end the others in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.mu.Lock()
	p.cmd, p.signaled = cmd, false
	p.mu.Unlock()
	if p.onStart != nil {
		p.onStart(cmd.Process.Pid)
	}
	err = cmd.Wait()
	p.mu.Lock()
	p.cmd = nil
	p.mu.Unlock()
	return err
}

// signal sends sig to the process if it is up, and returns its number, 0 if it
// is down. A deadly signal keeps it down for rest.
func (p *process) signal(sig syscall.Signal, rest time.Duration) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	if sig == syscall.SIGKILL || sig == syscall.SIGTERM {
		p.restartIn, p.signaled = rest, true
	}
	_ = p.cmd.Process.Signal(sig) // it may just have ended
	return p.cmd.Process.Pid
}

// thaw lets a frozen incarnation go on, if it still lives.
func (p *process) thaw(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil && p.cmd.Process.Pid == pid {
		_ = p.cmd.Process.Signal(syscall.SIGCONT) // it may just have ended
	}
}

// pid returns the number of the process, 0 while it is down.
func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// restarted waits until another incarnation than pid is up.
func (p *process) restarted(ctx context.Context, pid int) error {
	return until(ctx, func() bool { now := p.pid(); return now != 0 && now != pid })
}

// build builds the binary of this module.
func build(ctx context.Context, path string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/topcentral/spillway") //nolint:gosec // a path of our own
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build spillway: %w\n%s", err, out)
	}
	return nil
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// until polls a condition until it is true or ctx ends.
func until(ctx context.Context, met func() bool) error {
	for !met() {
		sleep(ctx, 20*time.Millisecond)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}
