//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/topcentral/spillway/providers/mockllm"
)

// models starts a model server that answers at once, and returns what a worker
// must be configured to ask it, and to take many jobs at once.
func (w *world) models() ([]string, error) {
	url, err := w.serve(mockllm.New(mockllm.Config{Seed: 1}))
	return []string{
		"SPILLWAY_OLLAMA_URL=" + url + mockllm.Path(mockllm.Ollama),
		fmt.Sprintf("SPILLWAY_LOCAL_SLOTS=%d", callers), fmt.Sprintf("SPILLWAY_CLOUD_SLOTS=%d", callers),
	}, err
}

// working opens a world in which jobs are run.
func working(ctx context.Context, cfg config) (*world, error) {
	w, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	env, err := w.models()
	if err == nil {
		err = w.work(ctx, env...)
	}
	if err == nil {
		err = w.warm(ctx)
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// warm waits until a job is run.
func (w *world) warm(ctx context.Context) error {
	c, err := w.call()
	if err != nil {
		return err
	}
	defer c.close()
	return until(ctx, func() bool {
		j, err := c.job("POST /jobs", w.key, once()+"Prefer: wait=5\r\n", opportunity(uuid.NewString(), ""))
		return err == nil && j.State == "succeeded"
	})
}

// cacheHits has a hundred callers post a job whose answer is known.
func cacheHits(ctx context.Context, cfg config) ([]row, error) {
	w, err := working(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer w.close()
	post := func(c *caller) (answer, error) {
		return c.ask("POST /jobs", w.key, once()+"Prefer: wait=5\r\n", opportunity("known", ""))
	}
	c, err := w.call()
	if err != nil {
		return nil, err
	}
	defer c.close()
	known, err := post(c)
	if err != nil {
		return nil, err
	}
	var j job
	if err := json.Unmarshal(known.body, &j); err != nil {
		return nil, err
	}
	const at = 100
	asking := func(each func(c *caller) (answer, error)) (work, error) {
		return w.calling(at, cfg.span, func(c *caller) error {
			a, err := each(c)
			if err == nil && a.status != http.StatusOK {
				err = fmt.Errorf("status %d: %s", a.status, a.body)
			}
			return err
		})
	}
	var hit, get work
	for range cfg.rounds {
		for _, k := range []struct {
			best *work
			each func(c *caller) (answer, error)
		}{{&hit, post}, {&get, func(c *caller) (answer, error) { return c.ask("GET /jobs/"+j.ID, w.key, "", "") }}} {
			got, err := asking(k.each)
			if err != nil {
				return nil, err
			}
			if k.best.took == nil || got.took.at(0.99) < k.best.took.at(0.99) {
				*k.best = got
			}
		}
	}
	figure := func(w work) string {
		return fmt.Sprintf("p50 %s, p99 %s; %s; %s", ms(w.took.at(0.5)), ms(w.took.at(0.99)), perSecond(w.rate), w.spending())
	}
	ratio := float64(hit.took.at(0.99)) / float64(max(get.took.at(0.99), 1))
	return []row{
		{what: fmt.Sprintf("GET /jobs/{id}, %d at once", at), figure: figure(get)},
		{what: fmt.Sprintf("POST /jobs that the cache answers, %d at once", at), figure: figure(hit)},
		{what: "– its p99 against that of the GET", figure: fmt.Sprintf("%.2f ×", ratio), goal: "≤ 2 ×", met: ratio <= 2},
	}, nil
}

// idle posts jobs one by one to a system that has nothing to do, and compares
// when each was sent with when a worker began it. That is recorded in whole
// milliseconds, of which half one is missing in the mean.
func idle(ctx context.Context, cfg config) ([]row, error) {
	w, err := working(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer w.close()
	c, err := w.call()
	if err != nil {
		return nil, err
	}
	defer c.close()
	var took times
	for range cfg.posts {
		at := time.Now()
		j, err := c.job("POST /jobs", w.key, once()+"Prefer: wait=10\r\n", opportunity(uuid.NewString(), ""))
		if err != nil {
			return nil, err
		}
		took = append(took, j.StartedAt.Sub(at)+time.Millisecond/2)
	}
	p50, p99 := took.at(0.5), took.at(0.99)
	return []row{{
		what: fmt.Sprintf("idle, from submission to start, %d jobs", len(took)), goal: "p50 ≤ 5 ms, p99 ≤ 20 ms",
		figure: fmt.Sprintf("p50 %s, p99 %s", ms(p50), ms(p99)), met: p50 <= 5*time.Millisecond && p99 <= 20*time.Millisecond,
	}}, nil
}

// steady posts jobs at a rate, whatever becomes of those before, and waits for
// the answer of each. A post that had to wait for its turn counts from when it
// was due.
func steady(ctx context.Context, cfg config) ([]row, error) {
	w, err := working(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer w.close()
	n := int(float64(cfg.rate) * cfg.rateSpan.Seconds())
	took, failed := make(times, n), make([]error, n)
	free := make(chan *caller, n)
	done, profiled := w.meter(), w.profileAll(ctx, "steady", cfg.rateSpan)
	began := time.Now()
	var all sync.WaitGroup
	var open atomic.Int64
	kept := ""
	for i := range n {
		if open.Load() > int64(2*cfg.rate) { // it would only get worse, and take minutes
			kept = fmt.Sprintf("NOT KEPT UP: given up after %s jobs, when %s waited; ", count(i), count(2*cfg.rate))
			n, took, failed = i, took[:i], failed[:i]
			break
		}
		due := began.Add(time.Duration(i) * time.Second / time.Duration(cfg.rate))
		time.Sleep(time.Until(due))
		open.Add(1)
		all.Go(func() {
			defer open.Add(-1)
			failed[i] = w.answered(free)
			took[i] = time.Since(due)
		})
	}
	all.Wait()
	close(free)
	for c := range free {
		c.close()
	}
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	rate := float64(n) / time.Since(began).Seconds()
	spent := done(n)
	profiled()
	each := spent["api"] + spent["worker"] + spent["redis"]
	return []row{
		{
			what:   fmt.Sprintf("end to end at %d jobs/s for %v, model answers at once", cfg.rate, cfg.rateSpan),
			figure: kept + fmt.Sprintf("p50 %s, p99 %s; %s ended; %s", ms(took.at(0.5)), ms(took.at(0.99)), perSecond(rate), work{spent: spent}.spending()),
			goal:   "kept up", met: kept == "",
		},
		{
			what: "– processor time of API, worker and Redis, each job", figure: fmt.Sprintf("%.2f ms", float64(each)/float64(time.Millisecond)),
			goal: "≤ 1.6 ms", met: each <= 1600*time.Microsecond,
		},
	}, nil
}

// answered posts a job over a connection that is free, and waits for its answer.
func (w *world) answered(free chan *caller) error {
	var c *caller
	select {
	case c = <-free:
	default:
		var err error
		if c, err = w.call(); err != nil {
			return err
		}
	}
	j, err := c.job("POST /jobs", w.key, once()+"Prefer: wait=60\r\n", opportunity(uuid.NewString(), ""))
	if err == nil && j.State != "succeeded" {
		err = fmt.Errorf("job %s has %s", j.ID, j.State)
	}
	if err != nil {
		c.close()
		return err
	}
	free <- c
	return nil
}
