//go:build unix

package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// throughput compares what the API accepts and answers with what the queue below it
// takes, at the same concurrency.
func throughput(ctx context.Context, cfg config) ([]row, error) {
	w, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer w.close()
	counted, err := w.newKey(ctx, "1000000/s")
	if err != nil {
		return nil, err
	}
	raw, closeRaw := w.rawEnqueue()
	defer closeRaw()
	var ids ring
	kinds := []struct {
		name string
		run  func() (work, error)
	}{
		{"raw", raw},
		{"post", func() (work, error) { return w.posting(w.key, &ids) }},
		{"counted", func() (work, error) { return w.posting(counted, &ids) }},
		{"get", func() (work, error) { return w.getting(&ids) }},
		{"unchanged", func() (work, error) { return w.revalidating(&ids) }},
	}
	best := map[string]work{}
	for round := range cfg.rounds {
		for _, k := range kinds {
			done := w.profile(ctx, k.name, round)
			got, err := k.run()
			done()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k.name, err)
			}
			if got.rate > best[k.name].rate {
				best[k.name] = got
			}
		}
	}
	return throughputRows(best), nil
}

func throughputRows(best map[string]work) []row {
	rate := func(name string) float64 { return best[name].rate }
	told := func(name, of string) string {
		return fmt.Sprintf("%s, %.2f × %s; p99 %s; %s", perSecond(rate(name)), rate(name)/max(rate(map[string]string{"Enqueue": "raw", "POST": "post"}[of]), 1),
			of, ms(best[name].took.at(0.99)), best[name].spending())
	}
	return []row{
		{what: fmt.Sprintf("asynq.Client.Enqueue alone, %d at once", callers), figure: perSecond(rate("raw")) + "; p99 " + ms(best["raw"].took.at(0.99)) + "; " + best["raw"].spending()},
		{what: "POST /jobs: key, validation, idempotency, record, tickets", figure: told("post", "Enqueue"), goal: "≥ 0.25 ×", met: rate("post") >= 0.25*rate("raw")},
		{what: "the same, and the key's rate counted", figure: told("counted", "Enqueue")},
		{what: "GET /jobs/{id}", figure: told("get", "POST"), goal: "≥ 2 ×", met: rate("get") >= 2*rate("post")},
		{what: "GET /jobs/{id}, If-None-Match, 304", figure: told("unchanged", "POST")},
	}
}

// rawEnqueue puts tasks of a ticket's size into a queue, by asynq alone.
func (w *world) rawEnqueue() (run func() (work, error), end func()) {
	rdb := redis.NewClient(&redis.Options{Addr: w.redisAddr})
	client := asynq.NewClientFromRedisClient(rdb)
	payload := []byte(`{"job":"job_01998f1e3b7a7c00a1b2c3d4e5f60718","lane":"local"}`)
	return func() (did work, err error) {
		done := w.meter()
		defer func() { did.spent = done(len(did.took)) }()
		return together(callers, w.cfg.span, func(int) (func() error, error) {
			return func() error {
				_, err := client.Enqueue(asynq.NewTask("job:run", payload), asynq.Queue("bench"), asynq.TaskID(uuid.NewString()))
				return err
			}, nil
		})
	}, func() { _ = rdb.Close() } // nothing is lost with it
}

// ring remembers some of the jobs that were made.
type ring struct {
	next atomic.Int64
	ids  [1024]atomic.Pointer[string]
}

func (r *ring) add(id string) { r.ids[r.next.Add(1)%int64(len(r.ids))].Store(&id) }

func (r *ring) pick() string {
	n := max(min(r.next.Load(), int64(len(r.ids))), 1)
	return *r.ids[1+(r.next.Add(1)%(n-1))].Load()
}

func (w *world) posting(key string, ids *ring) (work, error) {
	return w.calling(callers, w.cfg.span, func(c *caller) error {
		a, err := c.ask("POST /jobs", key, once(), opportunity(uuid.NewString(), ""))
		if err != nil {
			return err
		}
		if a.status != http.StatusAccepted {
			return fmt.Errorf("status %d: %s", a.status, a.body)
		}
		// The whole is not decoded: that would be the caller's cost.
		if _, id, ok := strings.Cut(string(a.body[:min(len(a.body), 200)]), `"id":"`); ok {
			ids.add(id[:36])
		}
		return nil
	})
}

func (w *world) getting(ids *ring) (work, error) {
	return w.calling(callers, w.cfg.span, func(c *caller) error {
		a, err := c.ask("GET /jobs/"+ids.pick(), w.key, "", "")
		if err == nil && a.status != http.StatusOK {
			err = fmt.Errorf("status %d: %s", a.status, a.body)
		}
		return err
	})
}

// revalidating asks for jobs that have not changed. They have ended: the place
// of one that waits is part of its tag.
func (w *world) revalidating(ids *ring) (work, error) {
	c, err := w.call()
	if err != nil {
		return work{}, err
	}
	defer c.close()
	j, err := c.job("POST /jobs/"+ids.pick()+"/cancel", w.key, "", "")
	if err != nil {
		return work{}, err
	}
	a, err := c.ask("GET /jobs/"+j.ID, w.key, "", "")
	if err != nil {
		return work{}, err
	}
	known := "If-None-Match: " + a.etag + "\r\n"
	return w.calling(callers, w.cfg.span, func(c *caller) error {
		a, err := c.ask("GET /jobs/"+j.ID, w.key, known, "")
		if err == nil && a.status != http.StatusNotModified {
			err = fmt.Errorf("status %d, want 304", a.status)
		}
		return err
	})
}
