package redisconn

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
)

// server is one whose clock is off, at the end of ways that take their time.
type server struct {
	off   time.Duration
	trips []time.Duration // there and back, for each reading
	err   error
}

func (s *server) Time(ctx context.Context) *redis.TimeCmd {
	cmd := redis.NewTimeCmd(ctx)
	trip := s.trips[0]
	s.trips = append(s.trips[1:], trip)
	time.Sleep(trip / 2)
	cmd.SetVal(time.Now().Add(s.off))
	time.Sleep(trip / 2)
	cmd.SetErr(s.err)
	return cmd
}

func TestCheckClock(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name    string
		off     time.Duration // of Redis
		trips   []time.Duration
		skew    time.Duration
		refused bool
	}{
		{"right", 0, []time.Duration{ms}, 0, false},
		{"within the round trip", 20 * ms, []time.Duration{80 * ms}, 0, false},
		{"Redis ahead", 2 * time.Second, []time.Duration{0}, -2 * time.Second, false},
		{"Redis behind", -2 * time.Second, []time.Duration{0}, 2 * time.Second, false},
		{"the best reading counts", 2 * time.Second, []time.Duration{time.Second, 0, time.Second}, -2 * time.Second, false},
		{"at the limit", -5 * time.Second, []time.Duration{0}, 5 * time.Second, false},
		{"too far ahead", 6 * time.Second, []time.Duration{0}, -6 * time.Second, true},
		{"too far behind", -6 * time.Second, []time.Duration{0}, 6 * time.Second, true},
		{"too far, a long way off", 10 * time.Second, []time.Duration{200 * ms}, -9900 * ms, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				skew, err := CheckClock(t.Context(), &server{off: tt.off, trips: tt.trips})
				if skew != tt.skew {
					t.Errorf("skew: got %v, want %v", skew, tt.skew)
				}
				if refused := errors.Is(err, ErrSkew); refused != tt.refused {
					t.Errorf("refused: got %v, want %v (%v)", refused, tt.refused, err)
				}
				if tt.refused && !strings.Contains(err.Error(), "NTP") {
					t.Errorf("the error does not say what to do: %v", err)
				}
			})
		})
	}
}

func TestCheckClockWithoutRedis(t *testing.T) {
	if _, err := CheckClock(t.Context(), &server{trips: []time.Duration{0}, err: ErrAway}); !errors.Is(err, ErrAway) || errors.Is(err, ErrSkew) {
		t.Errorf("got %v, want %v", err, ErrAway)
	}
}
