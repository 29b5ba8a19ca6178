//go:build unix

// Command chaos runs Spillway for real (a Redis with an append-only file,
// several API and worker processes, a mock model server, a receiver of
// webhooks), has concurrent clients post thousands of jobs, and all the while
// kills, freezes, restarts and cuts off what runs, at random from a seed. Then
// it holds what everybody saw against what Spillway promises, and prints how
// well it was kept. It exits with 1 if a promise was broken, after printing the
// whole history of each job concerned.
//
//	go run ./lab/chaos -jobs 300 -kills 15
//
// The seed decides what is done and when; the operating system's timing adds
// the rest, so a seed repeats the circumstances of a run, not its every step.
// It needs a Unix, redis-server and the Go tools, and stays on the loopback
// interface.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/history"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout))
}

// The exit codes.
const (
	kept   = 0
	broken = 1 // a promise was
	failed = 2 // the run itself did
)

func run(args []string, out io.Writer) int {
	cfg, err := parse(args)
	if err != nil {
		return failed
	}
	redis.SetLogger(quiet{}) // that Redis is down at times is no news here
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Fprintln(out, "chaos: reproduce with:", cfg.command())
	h, err := perform(ctx, cfg, out)
	if err != nil {
		fmt.Fprintln(out, "chaos:", err)
		return failed
	}
	if err := writeHistory(cfg.historyFile, h); err != nil {
		fmt.Fprintln(out, "chaos:", err)
	}
	violations := history.Check(h)
	report(out, cfg, h, violations)
	if len(violations) > 0 {
		return broken
	}
	return kept
}

// quiet is a logger of go-redis that drops everything.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// perform does everything that has to happen before judgement.
func perform(ctx context.Context, cfg config, out io.Writer) (*history.History, error) {
	dir, err := os.MkdirTemp("", "spillway-chaos-")
	if err != nil {
		return nil, fmt.Errorf("make a folder to work in: %w", err)
	}
	if cfg.keep {
		fmt.Fprintln(out, "chaos: data and logs of all processes are kept in", dir)
	} else {
		defer func() { _ = os.RemoveAll(dir) }() // what stays is in the temporary folder
	}
	binary := cfg.binary
	if binary == "" {
		binary = filepath.Join(dir, "spillway")
		if err := build(ctx, binary); err != nil {
			return nil, err
		}
	}
	w, err := open(ctx, cfg, dir, binary)
	if err != nil {
		return nil, err
	}
	defer w.close()
	return w.play(ctx, out)
}

var errInterrupted = errors.New("interrupted")

// play lets traffic and nemesis loose on the world, waits until all is quiet,
// and collects what the store holds.
func (w *world) play(ctx context.Context, out io.Writer) (*history.History, error) {
	began := time.Now()
	t := newTraffic(w)
	t.begin(ctx)
	newNemesis(w).run(ctx)
	t.posted()
	if ctx.Err() != nil {
		t.end()
		return nil, errInterrupted
	}
	fmt.Fprintf(out, "chaos: %v of traffic and disturbances are over; waiting for the jobs to end\n", time.Since(began).Round(time.Second))
	quiet, cancel := context.WithTimeout(ctx, w.cfg.settle)
	defer cancel()
	err := w.settle(quiet)
	t.end()
	if ctx.Err() != nil {
		return nil, errInterrupted
	}
	if err != nil {
		fmt.Fprintf(out, "chaos: not all had ended after %v: %v\n", w.cfg.settle, err)
	}
	return w.collect(ctx)
}
