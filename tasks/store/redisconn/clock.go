package redisconn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// SkewWarn is by how much a machine's clock may differ from that of Redis
	// before it is worth a warning.
	SkewWarn = time.Second
	// SkewMax is the difference above which tickets would fall due, and leases
	// end, at the wrong time: asynq works by the clock of each machine.
	SkewMax = 5 * time.Second
	// skewTries is how often the clock is read, to get a good reading.
	skewTries = 3
)

// ErrSkew says that the clocks differ by more than SkewMax.
var ErrSkew = errors.New("this machine's clock and that of Redis differ too much; set both by NTP (timedatectl set-ntp true, or chrony) and start again")

// Timer reads the clock of a server.
type Timer interface {
	Time(ctx context.Context) *redis.TimeCmd
}

// Skew returns by how much this machine's clock is ahead of a server's. What the
// way to the server leaves uncertain, half a round trip at most, is taken in
// favor of the clocks.
func Skew(ctx context.Context, server Timer) (time.Duration, error) {
	var best, trip time.Duration
	for i := range skewTries {
		asked := time.Now()
		theirs, err := server.Time(ctx).Result()
		if err != nil {
			return 0, fmt.Errorf("read the clock of Redis: %w", err)
		}
		if took := time.Since(asked); i == 0 || took < trip {
			trip = took
			best = asked.Add(took / 2).Sub(theirs)
		}
	}
	switch half := trip / 2; {
	case best > half:
		return best - half, nil
	case best < -half:
		return best + half, nil
	}
	return 0, nil
}

// CheckClock returns the skew, and an error that wraps ErrSkew when it is too
// much to work with.
func CheckClock(ctx context.Context, server Timer) (time.Duration, error) {
	skew, err := Skew(ctx, server)
	if err == nil && skew.Abs() > SkewMax {
		err = fmt.Errorf("the clocks are %v apart: %w", skew.Abs().Round(100*time.Millisecond), ErrSkew)
	}
	return skew, err
}
