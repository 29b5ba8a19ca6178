//go:build unix

// Command bench measures Spillway for real: a redis-server with an append-only
// file, processes of the API and of workers, and load over the loopback
// interface. It prints one table of goals and results.
//
//	go run ./lab/bench
//
// What uses up to a whole core measures the machine as much as the program, so
// each throughput is the best of several rounds, in which what is compared takes
// turns. It needs a Unix, redis-server and the Go tools.
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
	"strings"
	"syscall"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout))
}

// config is how much is measured.
type config struct {
	short    bool
	only     string
	profiles string
	keep     bool

	rounds   int           // of each throughput
	span     time.Duration // of one round
	posts    int           // one by one, to an idle system
	rate     int           // jobs per second, end to end
	rateSpan time.Duration // for how long
	watchers int
	hooks    int
	stored   int           // jobs whose memory is measured
	burst    int           // jobs that are queued while no worker lives
	workers  int           // idle ones
	ended    int           // jobs that are kept
	quiet    time.Duration // for which processes at rest are watched

	binary  string // of the probe
	dir     string // for logs and data
	peerDir string // of fastify and BullMQ; "" where there are none
}

// callers is how many connections load a server at once.
const callers = 64

func parse(args []string, out io.Writer) (config, error) {
	c := config{
		rounds: 3, span: 3 * time.Second, posts: 300, rate: 500, rateSpan: 20 * time.Second, watchers: 10_000, hooks: 5_000,
		stored: 5_000, burst: 30_000, workers: 50, ended: 200_000, quiet: 20 * time.Second,
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.BoolVar(&c.short, "short", false, "less of everything: below two minutes")
	flags.StringVar(&c.only, "only", "", "only these parts, separated by commas: "+strings.Join(partNames(), ", "))
	flags.StringVar(&c.profiles, "profile", "", "existing `folder` to write CPU profiles to: of the API, and end to end of the worker and the load too")
	flags.BoolVar(&c.keep, "keep", false, "keep data and logs")
	flags.IntVar(&c.rate, "rate", c.rate, "jobs per second, end to end")
	flags.IntVar(&c.burst, "burst", c.burst, "jobs that wait for the first worker")
	flags.IntVar(&c.ended, "ended", c.ended, "ended jobs that lists, metrics and starts are measured with, about 11 KB of memory each")
	flags.IntVar(&c.workers, "workers", c.workers, "idle workers")
	flags.IntVar(&c.watchers, "watchers", c.watchers, "event streams at once")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	if c.short {
		c.rounds, c.span, c.posts, c.rateSpan, c.hooks = 1, 2*time.Second, 100, 5*time.Second, 1_000
		c.watchers = min(c.watchers, 2_000)
		c.stored, c.burst, c.workers, c.quiet = 1_000, min(c.burst, 3_000), min(c.workers, 10), 5*time.Second
		c.ended = min(c.ended, 2*few)
	}
	for name := range strings.SplitSeq(c.only, ",") {
		if c.only != "" && !strings.Contains(","+strings.Join(partNames(), ",")+",", ","+name+",") {
			return c, fmt.Errorf("there is no part %q", name)
		}
	}
	return c, nil
}

// wants reports whether a part is to be measured.
func (c config) wants(name string) bool {
	return c.only == "" || strings.Contains(","+c.only+",", ","+name+",")
}

// parts are what is measured, in the order of the table.
var parts = []struct {
	name string
	run  func(context.Context, config) ([]row, error)
}{
	{"throughput", throughput},
	{"hit", cacheHits},
	{"idle", idle},
	{"steady", steady},
	{"watch", watch},
	{"hooks", hooks},
	{"memory", memory},
	{"burst", burst},
	{"rest", rest},
	{"scale", scale},
}

func partNames() []string {
	return []string{"throughput", "hit", "idle", "steady", "watch", "hooks", "memory", "burst", "rest", "scale"}
}

func run(args []string, out io.Writer) int {
	cfg, err := parse(args, out)
	if err != nil {
		fmt.Fprintln(out, "bench:", err)
		return 2
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		fmt.Fprintln(out, "SKIPPED, NOTHING MEASURED: redis-server is not installed; install Debian's package redis-server")
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx, cfg, out); err != nil {
		fmt.Fprintln(out, "bench:", err)
		return 1
	}
	return 0
}

func measure(ctx context.Context, cfg config, out io.Writer) error {
	began := time.Now()
	var err error
	if cfg.dir, err = os.MkdirTemp("", "spillway-bench-"); err != nil {
		return fmt.Errorf("make a folder to work in: %w", err)
	}
	if cfg.keep {
		fmt.Fprintln(out, "data and logs are kept in", cfg.dir)
	} else {
		defer func() { _ = os.RemoveAll(cfg.dir) }() //nolint:gosec // our own folder; what stays is in the temporary one
	}
	cfg.binary = filepath.Join(cfg.dir, "probe")
	if err := build(ctx, cfg.binary); err != nil {
		return err
	}
	cfg.peerDir = installPeer(ctx, cfg.dir, func(text string) { fmt.Fprintln(out, text) })
	fmt.Fprintf(out, "%s, %d cores, load %s, redis %s\n", runtime.Version(), runtime.NumCPU(), load(), redisVersion(ctx))
	var rows []row
	for _, p := range parts {
		if !cfg.wants(p.name) {
			continue
		}
		fmt.Fprintf(out, "measuring %s …\n", p.name)
		measured, failed := p.run(ctx, cfg)
		if failed != nil {
			err = fmt.Errorf("%s: %w", p.name, failed)
			break // what was measured until then is shown
		}
		rows = append(rows, measured...)
	}
	fmt.Fprint(out, "\n", table(rows), "\n")
	fmt.Fprintf(out, "in %v; load now %s\n", time.Since(began).Round(time.Second), load())
	return err
}

// load returns how busy the machine is, by others and by us.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

func redisVersion(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "redis-server", "--version").Output()
	if err != nil {
		return "unknown"
	}
	for field := range strings.FieldsSeq(string(out)) {
		if v, ok := strings.CutPrefix(field, "v="); ok {
			return v
		}
	}
	return "unknown"
}
