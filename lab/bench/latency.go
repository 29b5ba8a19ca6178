//go:build unix

package main

import (
	"context"
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
	if _, err := post(c); err != nil {
		return nil, err
	}
	const at = 100
	var best work
	for range cfg.rounds {
		got, err := w.calling(at, cfg.span, func(c *caller) error {
			a, err := post(c)
			if err == nil && a.status != http.StatusOK {
				err = fmt.Errorf("status %d: %s", a.status, a.body)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if best.took == nil || got.took.at(0.99) < best.took.at(0.99) {
			best = got
		}
	}
	p99 := best.took.at(0.99)
	return []row{{
		what: fmt.Sprintf("POST /jobs that the cache answers, %d at once", at), goal: "p99 < 10 ms", met: p99 < 10*time.Millisecond,
		figure: fmt.Sprintf("p50 %s, p99 %s; %s; %s", ms(best.took.at(0.5)), ms(p99), perSecond(best.rate), best.spending()),
	}}, nil
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
		what: fmt.Sprintf("idle, from submission to start, %d jobs", len(took)), goal: "p50 ≤ 10 ms, p99 ≤ 25 ms",
		figure: fmt.Sprintf("p50 %s, p99 %s", ms(p50), ms(p99)), met: p50 <= 10*time.Millisecond && p99 <= 25*time.Millisecond,
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
	return []row{{
		what:   fmt.Sprintf("end to end at %d jobs/s for %v, model answers at once", cfg.rate, cfg.rateSpan),
		figure: kept + fmt.Sprintf("p50 %s, p99 %s; %s ended; %s", ms(took.at(0.5)), ms(took.at(0.99)), perSecond(rate), work{spent: spent}.spending()),
	}}, nil
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
