//go:build unix

// Command soak runs Spillway for a long time under a mixed load, with a fault now and
// then, and fails if anything has grown: resident memory, goroutines and open files of its
// processes, memory, keys and connections of its Redis.
//
//	go run ./lab/soak -for 30m
//
// What is compared are two moments of rest: one after a while of warming, one at the
// end. Before each, the load stops, every job ends, and the processes get the time
// to give back what they do not need. What is kept for longer than the run by
// design, such as a day's counters, is listed in verdict.go.
//
// It needs Linux, redis-server and the Go tools, is run from the module's root, and
// stays on the loopback interface.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout))
}

// The exit codes.
const (
	flat   = 0
	grown  = 1
	failed = 2 // the run itself
)

// config is the configuration of a run.
type config struct {
	span   time.Duration // in all
	warm   time.Duration // of it, before the first look
	rate   float64       // submissions per second
	faults time.Duration // time between two
	keep   bool
}

func parse(args []string, out io.Writer) (config, error) {
	var c config
	f := flag.NewFlagSet("soak", flag.ContinueOnError)
	f.SetOutput(out)
	f.DurationVar(&c.span, "for", 30*time.Minute, "how long to run in all")
	f.DurationVar(&c.warm, "warm", 0, "how long to warm before the first look; 0: 5 minutes, at most a third of the run")
	f.Float64Var(&c.rate, "rate", 20, "submissions per second")
	f.DurationVar(&c.faults, "faults", 45*time.Second, "time between two faults; 0: none")
	f.BoolVar(&c.keep, "keep", false, "keep data and logs")
	if err := f.Parse(args); err != nil {
		return c, err
	}
	if c.warm == 0 {
		c.warm = min(5*time.Minute, c.span/3)
	}
	if c.span < 2*retention || c.warm >= c.span || c.warm < retention/2 || c.rate <= 0 || c.faults < 0 {
		err := fmt.Errorf("a run takes %v or more, of which warming takes %v or more and not all; rate is above 0", 2*retention, retention/2)
		fmt.Fprintln(out, "soak:", err)
		return c, err
	}
	return c, nil
}

func run(args []string, out io.Writer) int {
	cfg, err := parse(args, out)
	if err != nil {
		return failed
	}
	if _, err := exec.LookPath("redis-server"); err != nil || runtime.GOOS != "linux" {
		fmt.Fprintln(out, "SKIPPED, NOTHING MEASURED: soak needs Linux and redis-server (Debian's package redis-server)")
		return flat
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "spillway-soak-")
	if err != nil {
		fmt.Fprintln(out, "soak: make a folder to work in:", err)
		return failed
	}
	if cfg.keep {
		fmt.Fprintln(out, "soak: data and logs are kept in", dir)
	} else {
		defer func() { _ = os.RemoveAll(dir) }()
	}
	ok, err := soak(ctx, cfg, dir, out)
	switch {
	case err != nil:
		fmt.Fprintln(out, "soak:", err)
		return failed
	case !ok:
		return grown
	}
	return flat
}

// soak runs it all, and reports whether nothing has grown.
func soak(ctx context.Context, cfg config, dir string, out io.Writer) (bool, error) {
	binary := filepath.Join(dir, "probe")
	if err := build(ctx, binary); err != nil {
		return false, err
	}
	w, err := open(ctx, dir, binary)
	if err != nil {
		return false, err
	}
	defer w.close()
	l, err := newLoad(w)
	if err != nil {
		return false, err
	}
	before, err := l.until(ctx, cfg, cfg.warm)
	if err != nil {
		return false, err
	}
	fmt.Fprintf(out, "soak: warm after %v; %s\n", cfg.warm, l.summary())
	after, err := l.until(ctx, cfg, cfg.span-cfg.warm)
	if err != nil {
		return false, err
	}
	fmt.Fprintf(out, "soak: %s\n\n", l.summary())
	return judge(out, before, after), nil
}

// until has the load and the faults go on for a while, stops them, and looks at
// what is at rest.
func (l *load) until(ctx context.Context, cfg config, span time.Duration) (look, error) {
	during, stop := context.WithTimeout(ctx, span)
	defer stop()
	l.run(during, cfg)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err := l.w.settle(ctx); err != nil {
		return nil, err
	}
	return l.w.look(ctx, cfg.warm)
}
