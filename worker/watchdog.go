package worker

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

const (
	// watchEvery is how often a worker looks for jobs whose worker or tickets were lost, or
	// that spill. It looks at one that is due in between when it is due.
	watchEvery = time.Second
	// watchBatch is how many of them it takes at a time, per shard.
	watchBatch = 1000
	// watchRounds bounds the batches of one scan: jobs that are due together, because they
	// spill together, do not wait for one another.
	watchRounds = 50
	// watchSpread is within which time of one another watchdogs look at a job that is due.
	watchSpread = 100 * time.Millisecond
)

// watchdog takes the jobs whose due time has come: their worker or their
// tickets were lost, or their deadline has passed. It gives them new tickets,
// or ends them. Every worker has one; the store sees to it that one acts.
type watchdog struct {
	*Worker
	lastUp    time.Time // when Redis last answered and accepted writes
	judgeFrom time.Time // until then no worker counts as lost
	probed    bool      // the last round has tried whether Redis accepts writes; an idle one does so every other time

	unserved map[string]bool // queues whose jobs it has moved elsewhere
}

func (w *Worker) watchdog() *watchdog {
	return &watchdog{Worker: w, unserved: map[string]bool{}}
}

// scan does one round.
func (d *watchdog) scan(ctx context.Context) error {
	until := time.Now().Add(watchEvery - watchSpread)
	ids, wait, err := d.due(ctx)
	if err != nil {
		return err
	}
	// While Redis refuses writes no worker can renew its lease: that counts as an outage.
	if d.probed = !d.probed || len(ids) > 0; d.probed {
		if err := d.Store.Writable(ctx); err != nil {
			return err
		}
	}
	if d.judge(ctx, time.Now()) {
		if err := d.evacuate(ctx); err != nil {
			return err
		}
	}
	for range watchRounds {
		handled, err := d.rescue(ctx, ids, d.judge(ctx, time.Now()))
		if err != nil || handled < len(ids) || len(ids) == 0 && !pause(ctx, wait, time.Until(until)) || time.Now().After(until) {
			return err
		}
		if ids, wait, err = d.due(ctx); err != nil {
			return err
		}
	}
	return nil
}

// due returns the jobs that are due, or, if there are none, in how long the next one is.
func (d *watchdog) due(ctx context.Context) (ids []string, wait time.Duration, err error) {
	if wait, err = d.Store.DueIn(ctx, watchEvery); err == nil && wait == 0 {
		ids, err = d.Store.Due(ctx, watchBatch)
	}
	return ids, wait, err
}

// pause waits until the next job is due, and reports whether that is within the time
// left. Of several watchdogs one comes first.
func pause(ctx context.Context, wait, left time.Duration) bool {
	if wait >= left {
		return false
	}
	due := time.NewTimer(max(wait, watchSpread/2) + rand.N(watchSpread/2))
	defer due.Stop()
	select {
	case <-due.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// judge reports whether a worker whose lease is over may be declared lost, and a lane
// whose workers are silent. It may not for one lease after an outage of Redis, nor
// after the start unless another worker has seen Redis just before: workers that are
// still busy get that time to renew. Deadlines, run-at times and lost tickets do not
// wait for this.
func (d *watchdog) judge(ctx context.Context, now time.Time) bool {
	blind := now.Sub(d.lastUp) > max(d.Store.Lease()/2, 3*watchEvery)
	if d.lastUp.IsZero() {
		blind = !d.redisWasUp(ctx)
	}
	if blind {
		d.judgeFrom = now.Add(d.Store.Lease())
	}
	d.lastUp = now
	return !now.Before(d.judgeFrom)
}

// redisWasUp reports whether Redis was reachable just before this worker started:
// another worker's heartbeat is fresher than two of its periods. Then a new watchdog
// need not wait, and workers that are restarted all the time still have one that
// judges.
func (d *watchdog) redisWasUp(ctx context.Context) bool {
	age, err := d.Store.BeatAge(ctx, d.id)
	return err == nil && age <= 2*tasks.HeartbeatEvery
}

// evacuate makes jobs due that wait in a queue whose last worker is gone: they do not
// wait for their spill time.
func (d *watchdog) evacuate(ctx context.Context) error {
	switch waits, err := d.Store.AnyWaiting(ctx); {
	case err != nil:
		return err
	case !waits:
		clear(d.unserved)
		return nil
	}
	view, err := d.Dispatcher.View(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Concat(queue.Names(tasks.Local), queue.Names(tasks.Cloud)) {
		if len(view.Live.Workers[name]) > 0 {
			delete(d.unserved, name)
			continue
		}
		if d.unserved[name] {
			continue
		}
		n, err := d.Store.Hurry(ctx, name)
		if err != nil {
			return err
		}
		if n > 0 {
			d.Log.WarnContext(ctx, "no worker serves the queue any more; its jobs get tickets for other lanes", "queue", name, "jobs", n)
		}
		d.unserved[name] = true
	}
	return nil
}
