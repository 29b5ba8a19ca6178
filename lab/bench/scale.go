//go:build unix

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/topcentral/spillway/lab/footprint"
)

// few is how many ended jobs the figures at scale are compared with.
const few = 10_000

// listed are the lists that are asked for: one that chooses all, and such as choose
// some, few or none.
var listed = []struct{ name, query string }{
	{"all", ""},
	{"state=canceled, 1 of 100", "state=canceled"},
	{"state=queued, none", "state=queued"},
	{"agent, none", "agent=A05"},
	{"metadata, 1 of 10,000", "metadata=kind:rare"},
	{"degraded, none", "degraded=true"},
	{"model, none", "model=deepseek"},
}

// scale measures what depends on how many ended jobs there are, with few of them and
// with many: lists, the metrics, what an idle worker does, and a start.
func scale(ctx context.Context, cfg config) ([]row, error) {
	w, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer w.close()
	// The file of the many would be written for longer than anything is measured.
	if err := w.rdb.ConfigSet(ctx, "appendonly", "no").Err(); err != nil {
		return nil, fmt.Errorf("set up Redis: %w", err)
	}
	env, err := w.models()
	if err == nil {
		err = w.work(ctx, env...)
	}
	if err != nil {
		return nil, err
	}
	f, err := w.templates(ctx)
	if err != nil {
		return nil, err
	}
	if err := f.fill(ctx, w.rdb, few); err != nil {
		return nil, err
	}
	with, err := w.measureScale(ctx, env)
	if err != nil {
		return nil, err
	}
	if err := f.fill(ctx, w.rdb, cfg.ended); err != nil {
		return nil, err
	}
	many, err := w.measureScale(ctx, env)
	return scaleRows(cfg.ended, with, many), err
}

// atScale is what was measured with so many ended jobs.
type atScale struct {
	memory  int64
	lists   []times
	ended   []bool // whether each list was complete without a cursor
	metrics times
	idle    quiet
	walked  int64 // commands that walk the key space
	start   time.Duration
	said    int64 // commands at the start of a worker and an API
}

func (w *world) measureScale(ctx context.Context, env []string) (s atScale, err error) {
	if s.memory, err = footprint.UsedMemory(ctx, w.rdb); err != nil {
		return s, err
	}
	c, err := w.call()
	if err != nil {
		return s, err
	}
	defer c.close()
	for _, l := range listed {
		took, complete, err := w.list(c, l.query)
		if err != nil {
			return s, fmt.Errorf("list %s: %w", l.name, err)
		}
		s.lists, s.ended = append(s.lists, took), append(s.ended, complete)
	}
	admin, err := dial(w.admin)
	if err != nil {
		return s, err
	}
	defer admin.close()
	for range 20 {
		at := time.Now()
		a, err := admin.ask("GET /metrics", w.key, "", "")
		if err != nil || a.status != http.StatusOK {
			return s, fmt.Errorf("metrics: status %d, %w", a.status, err)
		}
		s.metrics = append(s.metrics, time.Since(at))
	}
	if s.idle, err = w.watchQuiet(ctx); err != nil {
		return s, err
	}
	return s, w.timeStart(ctx, env, &s)
}

// list asks for pages again and again: the first of a list, and some of those after it.
func (w *world) list(c *caller, query string) (took times, complete bool, err error) {
	cursor := ""
	for range w.cfg.posts {
		at := time.Now()
		a, err := c.ask("GET /jobs?limit=50&"+query+cursor, w.key, "", "")
		if err != nil {
			return nil, false, err
		}
		took = append(took, time.Since(at))
		if a.status != http.StatusOK {
			return nil, false, fmt.Errorf("status %d: %s", a.status, a.body)
		}
		_, next, more := strings.Cut(string(a.body), `"next_cursor":"`)
		if next, _, _ = strings.Cut(next, `"`); more && next != "" {
			cursor = "&cursor=" + next
		} else {
			complete, cursor = true, ""
		}
	}
	return took, complete, nil
}

// timeStart starts another worker, and tells how long it takes to be there.
func (w *world) timeStart(ctx context.Context, env []string, s *atScale) error {
	before, err := footprint.ReadTraffic(ctx, w.rdb)
	if err != nil {
		return err
	}
	at, lived := time.Now(), w.alive(ctx)
	if err := w.start("another worker", env, w.cfg.binary, "worker"); err != nil {
		return err
	}
	if err := until(ctx, func() bool { return w.alive(ctx) > lived }); err != nil {
		return fmt.Errorf("another worker: %w", err)
	}
	s.start = time.Since(at)
	after, err := footprint.ReadTraffic(ctx, w.rdb)
	did := after.Since(before)
	s.walked, s.said = did.Calls["scan"]+did.Calls["keys"], did.Commands
	another := w.processes[len(w.processes)-1]
	_ = another.cmd.Process.Signal(os.Interrupt) // it has nothing to lose
	<-another.over
	return err
}

func scaleRows(n int, with, many atScale) []row {
	rows := []row{{
		what:   fmt.Sprintf("Redis memory with %s and with %s ended jobs", count(few), count(n)),
		figure: fmt.Sprintf("%s and %s MB", count(int(with.memory>>20)), count(int(many.memory>>20))),
	}}
	for i, l := range listed {
		was, is := with.lists[i], many.lists[i]
		rows = append(rows, row{
			what: "GET /jobs, " + l.name, goal: "p99 ≤ 50 ms", met: is.at(0.99) <= 50*time.Millisecond,
			figure: fmt.Sprintf("p50 %s, p99 %s with %s; p50 %s, p99 %s with %s", ms(was.at(0.5)), ms(was.at(0.99)), count(few), ms(is.at(0.5)), ms(is.at(0.99)), count(n)),
		})
	}
	return append(rows,
		row{
			what: "the metrics, with as many", figure: fmt.Sprintf("p50 %s; %s", ms(with.metrics.at(0.5)), ms(many.metrics.at(0.5))),
			goal: "the same", met: many.metrics.at(0.5) <= 3*with.metrics.at(0.5)/2+time.Millisecond,
		},
		row{
			what: "an idle worker's commands, with as many", figure: fmt.Sprintf("%.0f and %.0f/s; Redis %.1f and %.1f %% of a core", with.idle.commands, many.idle.commands, 100*with.idle.redis, 100*many.idle.redis),
			goal: "the same", met: many.idle.commands <= 1.2*with.idle.commands+5 && many.idle.redis <= 1.5*with.idle.redis+0.01,
		},
		row{
			what: "a worker's start, with as many", figure: fmt.Sprintf("%s and %s; %d and %d commands, of which %d and %d walk the key space", ms(with.start), ms(many.start), with.said, many.said, with.walked, many.walked),
			goal: "the same", met: many.start <= 3*with.start/2+100*time.Millisecond && many.walked <= with.walked,
		})
}

// templates makes one ended job of each kind, for others to be like.
func (w *world) templates(ctx context.Context) (*filler, error) {
	if err := w.warm(ctx); err != nil {
		return nil, err
	}
	c, err := w.call()
	if err != nil {
		return nil, err
	}
	defer c.close()
	post := func(more string) (string, error) {
		j, err := c.job("POST /jobs", w.key, "Prefer: wait=10\r\n", opportunity(uuid.NewString(), more))
		return j.ID, err
	}
	usual, err := post(`,"metadata":{"kind":"usual"}`)
	if err != nil {
		return nil, err
	}
	rare, err := post(`,"metadata":{"kind":"rare"}`)
	if err != nil {
		return nil, err
	}
	canceled, err := post(`,"run_at":"` + time.Now().Add(time.Minute).UTC().Format(time.RFC3339) + `"`)
	if err == nil {
		_, err = c.job("POST /jobs/"+canceled+"/cancel", w.key, "", "")
	}
	if err != nil {
		return nil, err
	}
	return readTemplates(ctx, w.rdb, usual, rare, canceled)
}
