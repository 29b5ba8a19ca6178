//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/lab/footprint"
	"github.com/topcentral/spillway/tasks"
)

// look is what was seen at rest, by name.
type look map[string]float64

const (
	// settleWithin is how long the jobs may take to end when the load has stopped.
	settleWithin = 2 * time.Minute
	// restFor is how long the processes are then left alone, so that those that come back
	// from a fault are there, and memory has been given back.
	restFor = 20 * time.Second
)

// settle waits until every job has ended, and a while longer.
func (w *world) settle(ctx context.Context) error {
	err := until(ctx, settleWithin, func() bool {
		counters, err := w.rdb.HGetAll(ctx, "spillway:{0}:counters").Result()
		open := 0
		for _, s := range tasks.States() {
			n, _ := strconv.Atoi(counters["now:"+string(s)])
			open += n
		}
		return err == nil && open == 0
	})
	if err != nil {
		return fmt.Errorf("the jobs do not end: %w", err)
	}
	return until(ctx, 2*restFor, after(restFor))
}

// after returns a condition that is met when a time has passed.
func after(d time.Duration) func() bool {
	from := time.Now()
	return func() bool { return time.Since(from) >= d }
}

// look looks at everything. Memory is looked at several times, and the least counts:
// a collection may be due.
func (w *world) look(ctx context.Context, warm time.Duration) (look, error) {
	seen := look{}
	for _, p := range w.watched {
		pid, runs := p.pid()
		if !runs {
			return nil, fmt.Errorf("%s has ended; -keep keeps its log", p.name)
		}
		for i := range 5 {
			taken, err := footprint.ReadProcess(pid)
			if err != nil {
				return nil, err
			}
			if mb := float64(taken.Anonymous) / (1 << 20); i == 0 || mb < seen[p.name+" memory, MB"] {
				seen[p.name+" memory, MB"] = mb
			}
			seen[p.name+" open files"] = float64(taken.Files)
			if err := until(ctx, time.Minute, after(2*time.Second)); err != nil {
				return nil, err
			}
		}
		var err error
		if seen[p.name+" goroutines"], err = profiled(ctx, p.probe, "goroutine?debug=1", "goroutine profile: total "); err != nil {
			return nil, err
		}
		// The first collection may only begin to free what the second one finds.
		for range 2 {
			live, err := profiled(ctx, p.probe, "heap?gc=1&debug=1", "# HeapAlloc = ")
			if err != nil {
				return nil, err
			}
			seen[p.name+" live heap, MB"] = live / (1 << 20)
		}
	}
	return seen, w.lookAtRedis(ctx, seen, warm)
}

func (w *world) lookAtRedis(ctx context.Context, seen look, warm time.Duration) error {
	used, err := footprint.UsedMemory(ctx, w.rdb)
	if err != nil {
		return err
	}
	keys, err := footprint.Measure(ctx, w.rdb, "*")
	if err != nil {
		return err
	}
	seen["Redis memory, MB"] = float64(used) / (1 << 20)
	total := 0
	for kind, k := range keys.Kinds {
		if !lasting(kind, warm) {
			seen["keys "+kind] = float64(k.Count)
			seen["kB in "+kind] = float64(k.Bytes) / 1000
			total += k.Count
		}
	}
	seen["Redis keys"] = float64(total)
	clients, err := w.rdb.ClientList(ctx).Result()
	seen["Redis connections"] = float64(strings.Count(clients, "\n"))
	return err
}

// profiled returns the number that follows a name in one of a process's profiles.
func profiled(ctx context.Context, probe, profile, name string) (float64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+probe+"/debug/pprof/"+profile, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, fmt.Errorf("read a profile: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, fmt.Errorf("read a profile: %w", err)
	}
	_, rest, _ := strings.Cut(string(text), name)
	line, _, _ := strings.Cut(rest, "\n")
	return strconv.ParseFloat(strings.TrimSpace(line), 64)
}
