//go:build unix

package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// config is the configuration of a run.
type config struct {
	seed        uint64
	jobs        int           // that clients want done
	kills       int           // by SIGKILL
	span        time.Duration // over which jobs and disturbances are spread
	settle      time.Duration // how long the jobs may take to end after that
	hooks       time.Duration // how long webhooks may take to come after that
	clients     int           // jobs that are looked after at once
	workers     int           // per lane
	apis        int
	only        string // faults to do; "" for all
	fsync       string
	binary      string
	keep        bool
	historyFile string
}

// The pace of a run whose span is not given.
const (
	jobsPerSecond = 15
	perKill       = 900 * time.Millisecond
)

// parse reads the flags. What is wrong with them has been printed when it
// returns an error.
func parse(args []string) (config, error) {
	var c config
	f := flag.NewFlagSet("chaos", flag.ContinueOnError)
	f.Uint64Var(&c.seed, "seed", 0, "decides what is done and when; 0 draws one")
	f.IntVar(&c.jobs, "jobs", 300, "how many jobs are posted")
	f.IntVar(&c.kills, "kills", 15, "how many processes are killed; other disturbances come in proportion")
	f.DurationVar(&c.span, "span", 0, "time over which jobs and disturbances are spread; 0: by their numbers")
	f.DurationVar(&c.settle, "settle", 4*time.Minute, "how long the jobs may take to end afterwards")
	f.DurationVar(&c.hooks, "hooks", 10*time.Second, "how long webhooks are waited for when all jobs have ended")
	f.IntVar(&c.clients, "clients", 256, "how many jobs are looked after at once")
	f.IntVar(&c.workers, "workers", 2, "worker processes for each lane")
	f.IntVar(&c.apis, "apis", 2, "API processes")
	f.StringVar(&c.only, "only", "", `do only these faults, such as "kill worker,freeze redis"`)
	f.StringVar(&c.fsync, "appendfsync", "everysec", "Redis's setting of that name")
	f.StringVar(&c.binary, "binary", "", "spillway binary to test; empty: build the one of this module")
	f.BoolVar(&c.keep, "keep", false, "keep the folder with data and logs")
	f.StringVar(&c.historyFile, "history", "", "file to write the history of every job to, for reading")
	if err := f.Parse(args); err != nil {
		return c, err
	}
	if c.jobs < 1 || c.kills < 0 || c.clients < 1 || c.workers < 1 || c.apis < 1 {
		err := errors.New("jobs, clients, workers and apis must be 1 or more, kills 0 or more")
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return c, err
	}
	if err := checkOnly(c.only); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return c, err
	}
	if c.seed == 0 {
		c.seed = rand.Uint64N(1e9) + 1
	}
	if c.span == 0 {
		c.span = max(time.Duration(c.jobs)*time.Second/jobsPerSecond, time.Duration(c.kills)*perKill)
	}
	return c, nil
}

// command is how to have the same circumstances again.
func (c config) command() string {
	only := ""
	if c.only != "" {
		only = fmt.Sprintf(" -only %q", c.only)
	}
	return fmt.Sprintf("go run ./lab/chaos -seed %d -jobs %d -kills %d -span %v -clients %d -workers %d -apis %d -appendfsync %s%s",
		c.seed, c.jobs, c.kills, c.span, c.clients, c.workers, c.apis, c.fsync, only)
}

// The streams of random numbers that are drawn from the seed. What one draws
// does not shift the others.
const (
	drawFaults = 1 << 32 * (iota + 1)
	drawLives
	drawCalls
	drawHooks
)

// draw returns the random numbers for the nth thing of a kind.
func (c config) draw(kind, n uint64) *rand.Rand { return rand.New(rand.NewPCG(c.seed, kind+n)) }
