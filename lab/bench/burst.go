//go:build unix

package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// burstPatience is how long a worker may take for the jobs that have waited for it.
// What it has not done by then counts for its rate.
const burstPatience = 60 * time.Second

// burst queues jobs while no worker lives, and then starts one that has no model:
// each job is answered by its scorecard. The peer's worker does nothing with as many.
func burst(ctx context.Context, cfg config) ([]row, error) {
	w, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer w.close()
	p, err := w.openPeer(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	least := 2000.0
	if p != nil {
		theirs, err := w.peerBurst(ctx, p)
		if err != nil {
			return nil, err
		}
		least = max(least, theirs/4)
		rows = append(rows, row{what: fmt.Sprintf("BullMQ: %s queued jobs, a worker of no-ops", count(cfg.burst)), figure: perSecond(theirs)})
	}
	if _, err := w.post(cfg.burst); err != nil {
		return nil, err
	}
	done := w.meter()
	n := w.made(ctx)
	if err := w.work(ctx, fmt.Sprintf("SPILLWAY_LOCAL_SLOTS=%d", callers), fmt.Sprintf("SPILLWAY_CLOUD_SLOTS=%d", callers), "SPILLWAY_OLLAMA_URL=http://127.0.0.1:1"); err != nil {
		return nil, err
	}
	rate, ended := drained(n, func() int64 {
		ended, _ := w.rdb.HGet(ctx, "spillway:{0}:counters", "total:succeeded").Int64() // 0 until the first
		return ended
	})
	return append(rows, row{
		what:   fmt.Sprintf("%s queued jobs, a worker without a model: answered by the scorecard", count(int(n))),
		figure: fmt.Sprintf("%s; %s ended; %s", perSecond(rate), count(int(ended)), work{spent: done(int(ended))}.spending()),
		goal:   fmt.Sprintf("≥ %s", perSecond(least)), met: rate >= least,
	}), nil
}

// peerBurst queues jobs at the peer, and returns how many its worker ends per second.
func (w *world) peerBurst(ctx context.Context, p *peer) (float64, error) {
	var made atomic.Int64
	var ids ring
	for made.Load() < int64(w.cfg.burst) {
		if _, err := w.callingAt(p.api, callers, 100*time.Millisecond, func(c *caller) error {
			made.Add(1)
			return postPeer(c, &ids)
		}); err != nil {
			return 0, err
		}
	}
	if err := p.work(w); err != nil {
		return 0, err
	}
	rate, _ := drained(made.Load(), func() int64 { return p.rdb.ZCard(ctx, "bull:jobs:completed").Val() })
	return rate, nil
}

// drained waits until n jobs have ended, and returns how many did each second from
// the first on.
func drained(n int64, ended func() int64) (float64, int64) {
	last := time.Now().Add(burstPatience)
	for ended() == 0 && time.Now().Before(last) {
		time.Sleep(5 * time.Millisecond)
	}
	began, first := time.Now(), ended()
	now := first
	for now < n && time.Now().Before(last) {
		time.Sleep(5 * time.Millisecond)
		now = ended()
	}
	return float64(now-first) / time.Since(began).Seconds(), now
}
