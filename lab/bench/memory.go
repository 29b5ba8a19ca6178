//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/footprint"
)

// idempotencyKind is the kind of the records of idempotency keys, which a caller
// may do without.
const idempotencyKind = "spillway:{*}:idem:bench:*"

// memory measures what jobs take in Redis besides their inputs and results, while
// they are queued and when a worker has ended them, and the same of the peer.
func memory(ctx context.Context, cfg config) ([]row, error) {
	w, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer w.close()
	env, err := w.models()
	if err != nil {
		return nil, err
	}
	empty, err := footprint.Measure(ctx, w.rdb, "*")
	if err != nil {
		return nil, err
	}
	ids, err := w.post(cfg.stored)
	if err != nil {
		return nil, err
	}
	input := inputSize()
	queued, err := w.perJob(ctx, w.rdb, empty)
	if err != nil {
		return nil, err
	}
	if err := w.work(ctx, env...); err != nil {
		return nil, err
	}
	if err := w.untilEnded(ctx, w.made(ctx)); err != nil {
		return nil, err
	}
	result, err := w.resultSize(ids[0])
	if err != nil {
		return nil, err
	}
	ended, err := w.perJob(ctx, w.rdb, empty)
	if err != nil {
		return nil, err
	}
	rows, err := w.peerMemory(ctx)
	if err != nil {
		return nil, err
	}
	besides := func(n, texts int64) string { return fmt.Sprintf("%.2f kB", float64(n-texts)/1000) }
	return append(rows,
		row{
			what: fmt.Sprintf("Redis memory per queued job, besides its input of %d B", input), goal: "≤ 2 kB", met: queued.bytes-input <= 2000,
			figure: fmt.Sprintf("%s in %.1f keys; an idempotency key %d B", besides(queued.bytes, input), queued.keys, queued.idempotency),
		}, row{
			what: fmt.Sprintf("the same of an ended job, besides its result of %d B, too", result), goal: "≤ 3.5 kB", met: ended.bytes-input-result <= 3500,
			figure: fmt.Sprintf("%s in %.1f keys", besides(ended.bytes, input+result), ended.keys),
		}), nil
}

// share is what one job takes of a Redis.
type share struct {
	bytes, idempotency int64
	keys               float64
}

// perJob returns what each job takes of what was added to an empty Redis.
func (w *world) perJob(ctx context.Context, rdb *redis.Client, empty footprint.Keys) (share, error) {
	all, err := footprint.Measure(ctx, rdb, "*")
	if err != nil {
		return share{}, err
	}
	n := w.made(ctx)
	idem := all.Kinds[idempotencyKind]
	return share{
		bytes:       (all.Bytes - empty.Bytes - idem.Bytes) / n,
		idempotency: idem.Bytes / n,
		keys:        float64(all.Count-empty.Count-idem.Count) / float64(n),
	}, nil
}

// made returns how many jobs there are.
func (w *world) made(ctx context.Context) int64 {
	return max(1, w.rdb.ZCard(ctx, "spillway:{0}:idx:bench").Val())
}

// untilEnded waits until so many jobs have succeeded.
func (w *world) untilEnded(ctx context.Context, n int64) error {
	return untilWithin(ctx, 10*patience, func() bool {
		got, err := w.rdb.HGet(ctx, "spillway:{0}:counters", "total:succeeded").Int64()
		return err == nil && got >= n
	})
}

// inputSize returns how long the input of each job is.
func inputSize() int64 {
	var body struct{ Input json.RawMessage }
	_ = json.Unmarshal([]byte(opportunity(uuid.NewString(), "")), &body) // it is our own
	return int64(len(body.Input))
}

// resultSize returns how long a job's result is.
func (w *world) resultSize(id string) (int64, error) {
	c, err := w.call()
	if err != nil {
		return 0, err
	}
	defer c.close()
	j, err := c.job("GET /jobs/"+id, w.key, "", "")
	return int64(len(j.Result)), err
}

// peerMemory measures what the peer's jobs take.
func (w *world) peerMemory(ctx context.Context) ([]row, error) {
	p, err := w.openPeer(ctx)
	if p == nil || err != nil {
		return nil, err
	}
	var made atomic.Int64
	var ids ring
	for made.Load() < int64(w.cfg.stored) {
		if _, err := w.callingAt(p.api, callers, 100*time.Millisecond, func(c *caller) error {
			made.Add(1)
			return postPeer(c, &ids)
		}); err != nil {
			return nil, err
		}
	}
	data := int64(len(opportunity(uuid.NewString(), ""))) // the peer keeps the whole body
	measured := func() (int64, error) {
		all, err := footprint.Measure(ctx, p.rdb, "bull:*")
		return all.Bytes/made.Load() - data, err
	}
	queued, err := measured()
	if err != nil {
		return nil, err
	}
	if err := p.work(w); err != nil {
		return nil, err
	}
	if err := until(ctx, func() bool { return p.rdb.ZCard(ctx, "bull:jobs:completed").Val() >= made.Load() }); err != nil {
		return nil, fmt.Errorf("the peer's worker: %w", err)
	}
	ended, err := measured()
	return []row{
		{what: "BullMQ: Redis memory per queued job, besides its data", figure: fmt.Sprintf("%.2f kB", float64(queued)/1000)},
		{what: "BullMQ: the same of an ended job", figure: fmt.Sprintf("%.2f kB", float64(ended)/1000)},
	}, err
}
