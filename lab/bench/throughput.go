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
	kinds := []measurement{{"raw", raw}}
	var ids, peerIDs ring
	p, err := w.openPeer(ctx)
	if err != nil {
		return nil, err
	}
	if p != nil {
		kinds = append(kinds,
			measurement{"peer post", func() (work, error) { return w.peerPosting(p, &peerIDs) }},
			measurement{"peer get", func() (work, error) { return w.peerGetting(p, &peerIDs, "") }},
			measurement{"peer state", func() (work, error) { return w.peerGetting(p, &peerIDs, "/state") }})
	}
	kinds = append(kinds,
		measurement{"post", func() (work, error) { return w.posting(w.key, &ids) }},
		measurement{"counted", func() (work, error) { return w.posting(counted, &ids) }},
		measurement{"get", func() (work, error) { return w.getting(&ids) }},
		measurement{"unchanged", func() (work, error) { return w.revalidating(&ids) }})
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

// measurement is one of the things that take turns.
type measurement struct {
	name string
	run  func() (work, error)
}

func throughputRows(best map[string]work) []row {
	figure := func(name string) string {
		w := best[name]
		return perSecond(w.rate) + "; p99 " + ms(w.took.at(0.99)) + "; " + w.spending()
	}
	rows := []row{{what: fmt.Sprintf("asynq.Client.Enqueue alone, %d at once", callers), figure: figure("raw")}}
	_, compared := best["peer post"]
	if compared {
		rows = append(rows, row{what: "fastify + BullMQ: POST, no key, no check", figure: figure("peer post")},
			row{what: "fastify + BullMQ: GET of a job, getState", figure: figure("peer get")},
			row{what: "fastify + BullMQ: GET of the state alone", figure: figure("peer state")})
	}
	times := func(name, of string, least float64) row {
		ratio := best[name].rate / max(best[of].rate, 1)
		return row{figure: fmt.Sprintf("%.2f ×", ratio), goal: fmt.Sprintf("≥ %g ×", least), met: ratio >= least}
	}
	ours := func(what, name string, against ...row) {
		rows = append(rows, row{what: what, figure: figure(name)})
		rows = append(rows, against...)
	}
	named := func(r row, what string) row { r.what = what; return r }
	peers := func(rows ...row) []row {
		if compared {
			return rows
		}
		return nil
	}
	ours("POST /jobs: key, validation, idempotency, record, tickets", "post",
		append(peers(named(times("post", "peer post", 1), "– against fastify + BullMQ")),
			named(times("post", "raw", 0.35), "– against Enqueue alone"))...)
	ours("the same, and the key's rate counted", "counted")
	ours("GET /jobs/{id}", "get", peers(named(times("get", "peer get", 2), "– against fastify + BullMQ"))...)
	ours("GET /jobs/{id}, If-None-Match, 304", "unchanged", peers(named(times("unchanged", "peer get", 3), "– against fastify + BullMQ"))...)
	return rows
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
	return w.calling(callers, w.cfg.span, func(c *caller) error { return postOne(c, key, ids) })
}

// postOne posts a job that is unlike the others.
func postOne(c *caller, key string, ids *ring) error {
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
