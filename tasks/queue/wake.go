package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	mathrand "math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// wakeKeys is what the names of the lists of wake-ups begin with. The braces put
	// them into one slot, so that a server can wait for several.
	wakeKeys = asynqKeys + "{wake}:"
	// lookEvery is how long an idle server waits for a wake-up, give or take a
	// quarter, until it looks at its queues without one: a wake-up may be lost.
	lookEvery = 6 * time.Second
	// wakeMargin is what the reply of a wait may take beyond that.
	wakeMargin = 2 * time.Second
	// wakeAtOnce is how many idle servers one command wakes at most. They wake others
	// if more is to be done.
	wakeAtOnce = 32
	// noWakeups is for how long a server polls where Redis refuses to let it wait.
	noWakeups = time.Minute
)

// wakeKey is the list of wake-ups for the idle servers of a queue. While servers wait,
// each wake-up wakes one of them, the one that has waited for longest; what is left
// wakes the next that becomes idle, which then leaves one at most (see trimWake).
func wakeKey(queue string) string { return wakeKeys + queue }

// wake wakes idle servers of queues, as many of each as the number says. It is
// advice: servers that miss it look for themselves after a while, so errors do not
// matter.
func wake(ctx context.Context, rdb redis.UniversalClient, servers map[string]int) {
	_, _ = rdb.Pipelined(ctx, func(p redis.Pipeliner) error { queueWake(ctx, p, servers); return nil })
}

// queueWake adds the commands of wake to a pipeline.
func queueWake(ctx context.Context, p redis.Pipeliner, servers map[string]int) {
	for q, n := range servers {
		all := [wakeAtOnce]any{}
		for i := range all {
			all[i] = "1"
		}
		p.RPush(ctx, wakeKey(q), all[:min(n, wakeAtOnce)]...)
	}
}

// trimWake leaves one wake-up in the list of a queue. While its servers are busy, or it
// has none, nobody takes wake-ups.
func trimWake(ctx context.Context, p redis.Pipeliner, key string) { p.LTrim(ctx, key, 0, 0) }

// wakeups is where one server waits for tasks of its queues to come.
type wakeups struct {
	rdb      redis.UniversalClient
	log      *slog.Logger
	own      string        // key of the list that wakes this server alone
	keys     []string      // own first, then those of the queues
	every    time.Duration // how long a wait lasts, give or take a quarter
	stopping atomic.Bool

	// The goroutine that takes tasks uses these.
	by      string    // the list by which it was woken last, "" at first
	refused time.Time // when Redis last refused a wait
	said    bool
}

func newWakeups(rdb redis.UniversalClient, queues []string, log *slog.Logger) *wakeups {
	w := &wakeups{rdb: rdb, log: log, every: lookEvery, own: wakeKeys + "server:" + rand.Text()}
	w.keys = []string{w.own}
	for _, q := range queues {
		w.keys = append(w.keys, wakeKey(q))
	}
	return w
}

// wait waits until the server is woken, or for about as long as it looks at its queues without. It reports whether it
// was woken, and whether it has waited at all: it does not while the server stops, or
// Redis fails.
func (w *wakeups) wait(ctx context.Context) (woken, waited bool) {
	if w.stopping.Load() || time.Since(w.refused) < noWakeups {
		return false, false
	}
	limit := w.every*3/4 + mathrand.N(w.every/2)
	limited, cancel := context.WithTimeout(ctx, limit+wakeMargin)
	defer cancel()
	got, err := w.rdb.BLPop(limited, limit, w.keys...).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return false, true
	case err != nil:
		if redis.IsPermissionError(err) {
			w.refused = time.Now()
			w.sayRefused(err)
		}
		return false, false
	case w.stopping.Load():
		if !strings.HasSuffix(got[0], w.own) { // it is for another server
			_ = w.rdb.RPush(ctx, got[0], got[1]).Err()
		}
		return false, false
	}
	w.by = got[0]
	return true, true
}

func (w *wakeups) sayRefused(err error) {
	if !w.said {
		w.said = true
		w.log.Warn("Redis does not let this user wait for tasks (BLPOP on "+wakeKeys+"*); the queues are polled instead, which costs Redis more", "error", err)
	}
}

// stop ends a wait, now and for good.
func (w *wakeups) stop() {
	if w.stopping.Swap(true) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), wakeMargin)
	defer cancel()
	// The wait may have ended by itself meanwhile.
	_, _ = w.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.RPush(ctx, w.own, "1")
		p.Expire(ctx, w.own, time.Minute)
		return nil
	})
}
