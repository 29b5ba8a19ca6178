package redisconn

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// jumpLook is how often the clock of Redis is compared with this machine's.
	jumpLook = 10 * time.Second
	// jumpLeast is the smallest change that counts: less is drift, or a slow answer.
	jumpLeast = 2 * time.Second
	// jumpShown is for how long a jump is shown.
	jumpShown = 10 * time.Minute
)

// ClockWatch notices when the clock of Redis jumps, by which leases, deadlines and
// retentions go. It is safe for concurrent use.
type ClockWatch struct {
	time func(context.Context) (time.Time, error) // of Redis
	log  *slog.Logger

	mu   sync.Mutex
	jump time.Duration // the last one; more than 0 is forwards
	at   time.Time     // when it was noticed; zero: never
}

// NewClockWatch returns a ClockWatch of rdb. Run makes it look.
func NewClockWatch(rdb redis.UniversalClient, log *slog.Logger) *ClockWatch {
	return &ClockWatch{time: func(ctx context.Context) (time.Time, error) { return rdb.Time(ctx).Result() }, log: log}
}

// Jump returns the last jump of the last ten minutes, and when it was noticed.
func (w *ClockWatch) Jump() (by time.Duration, at time.Time, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.jump, w.at, !w.at.IsZero() && time.Since(w.at) < jumpShown
}

// Run looks until ctx ends.
func (w *ClockWatch) Run(ctx context.Context) error {
	tick := time.NewTicker(jumpLook)
	defer tick.Stop()
	var before look
	for {
		now, err := w.look(ctx)
		if err == nil && !before.redis.IsZero() {
			w.judge(ctx, before, now)
		}
		if err == nil {
			before = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look is one comparison of the clocks.
type look struct {
	redis time.Time
	here  time.Time     // with its monotonic reading
	took  time.Duration // the answer
}

func (w *ClockWatch) look(ctx context.Context) (look, error) {
	asked := time.Now()
	redis, err := w.time(ctx)
	return look{redis, asked, time.Since(asked)}, err
}

// judge compares how much time has passed. This machine's clocks can be wrong by
// themselves: the one of the wall may be set, and the other stops while a
// laptop sleeps. A jump of Redis' is one against both.
func (w *ClockWatch) judge(ctx context.Context, before, now look) {
	redis := now.redis.Sub(before.redis)
	wall := redis - now.here.Round(0).Sub(before.here.Round(0))
	monotonic := redis - now.here.Sub(before.here)
	by := wall
	if monotonic.Abs() < wall.Abs() {
		by = monotonic
	}
	if by.Abs() < jumpLeast+before.took+now.took {
		return
	}
	w.mu.Lock()
	w.jump, w.at = by, time.Now()
	w.mu.Unlock()
	w.log.WarnContext(ctx, "the clock of Redis jumped: leases, deadlines and retentions follow it; look at NTP on its machine", "by", by)
}
