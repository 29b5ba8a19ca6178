//go:build unix

package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/topcentral/spillway/lab/footprint"
)

// settling is how long processes have to come to rest after their start, or after
// work, until they are watched.
const settling = 15 * time.Second

// most is what a process may take at rest, in megabytes.
var most = []struct {
	name  string
	goal  int64
	keeps string
}{{"api", 45, ""}, {"worker", 45, ""}, {"dev", 70, ", which it keeps"}}

// rest watches processes that have nothing to do: what an idle worker takes of the
// processors and of Redis, what the processes take of the memory, fresh and after
// work, and what many idle workers take of Redis.
func rest(ctx context.Context, cfg config) ([]row, error) {
	w, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer w.close()
	alone, err := w.watchQuiet(ctx)
	if err != nil {
		return nil, err
	}
	env, err := w.models()
	if err != nil {
		return nil, err
	}
	dev := freeAddr()
	if err := w.start("dev", []string{"SPILLWAY_REDIS_URL=", "SPILLWAY_API_LISTEN=" + dev, "SPILLWAY_ADMIN_LISTEN=off", "SPILLWAY_AUTH=off"}, cfg.binary, "dev"); err != nil {
		return nil, err
	}
	if err := w.work(ctx, env...); err != nil {
		return nil, err
	}
	beside, err := w.watchQuiet(ctx)
	if err != nil {
		return nil, err
	}
	rows := []row{idleRow(alone, beside)}
	fresh := w.resident()
	if err := w.busy(ctx, dev); err != nil {
		return nil, err
	}
	time.Sleep(settling)
	after := w.resident()
	for _, m := range most {
		goal := m.goal << 20
		rows = append(rows, row{
			what: "resident memory of " + m.name + " at rest: fresh, after 2,000 jobs" + m.keeps, figure: megabytes(fresh[m.name]) + "; " + megabytes(after[m.name]),
			goal: fmt.Sprintf("≤ %d MB", m.goal), met: fresh[m.name].Resident <= goal && after[m.name].Resident <= goal,
		})
	}
	many, err := w.manyIdle(ctx, env)
	return append(rows, many), err
}

// quiet is what was taken in a second in which nothing came.
type quiet struct {
	redis, worker   float64 // of a core
	commands, reads float64
}

// watchQuiet watches the processes for a while in which nothing comes.
func (w *world) watchQuiet(ctx context.Context) (quiet, error) {
	time.Sleep(min(settling, 2*w.cfg.quiet))
	before, err := footprint.ReadTraffic(ctx, w.rdb)
	if err != nil {
		return quiet{}, err
	}
	spent, began := w.processorTimes(), time.Now()
	time.Sleep(w.cfg.quiet)
	took := time.Since(began)
	now := w.processorTimes()
	after, err := footprint.ReadTraffic(ctx, w.rdb)
	did := after.Since(before)
	return quiet{
		redis:    (now["redis"] - spent["redis"]).Seconds() / took.Seconds(),
		worker:   (now["worker"] - spent["worker"]).Seconds() / took.Seconds(),
		commands: float64(did.Commands) / took.Seconds(),
		reads:    float64(did.Reads) / took.Seconds(),
	}, err
}

// idleRow tells what one idle worker takes, beside an API that does nothing either.
func idleRow(alone, beside quiet) row {
	commands, reads := max(0, beside.commands-alone.commands), max(0, beside.reads-alone.reads)
	return row{
		what: "one idle worker", goal: "≤ 1 % of a core, ≤ 20 commands/s",
		figure: fmt.Sprintf("%.1f %% of a core, %.0f commands/s (those in scripts included) in %.0f round trips, Redis %.1f %% for them; an idle API %.0f commands/s",
			100*beside.worker, commands, reads, 100*max(0, beside.redis-alone.redis), alone.commands),
		met: beside.worker <= 0.01 && commands <= 20,
	}
}

// resident returns what each process takes.
func (w *world) resident() map[string]footprint.Process {
	all := map[string]footprint.Process{}
	for _, p := range w.processes {
		if taken, err := footprint.ReadProcess(p.cmd.Process.Pid); err == nil {
			all[p.name] = taken
		}
	}
	return all
}

func megabytes(p footprint.Process) string {
	return fmt.Sprintf("%.0f MB, of which %.0f are no part of a file", float64(p.Resident)/(1<<20), float64(p.Anonymous)/(1<<20))
}

// busy has both installations do 2,000 jobs.
func (w *world) busy(ctx context.Context, dev string) error {
	const jobs = 2_000
	for _, addr := range []string{w.api, dev} {
		var made atomic.Int64
		for made.Load() < jobs {
			_, err := w.callingAt(addr, callers, 100*time.Millisecond, func(c *caller) error {
				if made.Add(1) > jobs {
					return nil
				}
				return postOne(c, w.key, &ring{})
			})
			if err != nil {
				return err
			}
		}
	}
	return w.untilEnded(ctx, jobs)
}

// manyIdle starts more workers, and tells what all of them take of Redis.
func (w *world) manyIdle(ctx context.Context, env []string) (row, error) {
	for range w.cfg.workers - 1 {
		if err := w.start("idle worker", env, w.cfg.binary, "worker"); err != nil {
			return row{}, err
		}
	}
	n := w.cfg.workers
	if err := untilWithin(ctx, 10*patience, func() bool { return w.alive(ctx) >= n }); err != nil {
		return row{}, fmt.Errorf("%d idle workers: %w", n, err)
	}
	got, err := w.watchQuiet(ctx)
	goal := 0.05 * float64(n) / 50
	return row{
		what:   fmt.Sprintf("Redis while %d workers are idle", n),
		figure: fmt.Sprintf("%.1f %% of a core, %.0f commands/s in %.0f round trips", 100*got.redis, got.commands, got.reads),
		goal:   fmt.Sprintf("≤ %.0f %% of a core", 100*goal), met: got.redis <= goal,
	}, err
}
