package limits

import (
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
)

// Whatever command of a script fails: the script can be repeated and counts the call
// once, and later calls are let in when its lease is over.
func TestAScriptThatFailsInItsMiddle(t *testing.T) {
	const lease = time.Minute
	for _, script := range []*redis.Script{enterScript, leaveScript} {
		for n, fired := 1, "?"; fired != ""; n++ {
			m := miniredis.RunT(t)
			now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
			m.SetTime(now)
			fault := redistest.NewFault(m)
			rdb := redis.NewClient(&redis.Options{Addr: m.Addr(), MaxRetries: -1})
			g := New(rdb, Config{Lease: lease, Patience: time.Minute}, slog.New(slog.DiscardHandler))
			a := func(id string) *pass { return &pass{g, "kimi", []any{id, lease.Milliseconds(), 1, 60, 6000, 100}} }
			ended := []any{"1", "100", "1", "0"}
			for _, s := range []*redis.Script{enterScript, leaveScript} {
				var more []any
				if s == leaveScript {
					more = ended
				}
				if s == script {
					fault.At(n)
				}
				a("first").run(t.Context(), s, more...)
				if s == script {
					fired = fault.Fired()
				}
				fault.At(0)
				a("first").run(t.Context(), s, more...)
			}
			if due, err := strconv.ParseFloat(m.HGet(keysOf("kimi")[0], "requests"), 64); err == nil && due > float64(now.Add(time.Second).UnixMilli()) {
				t.Errorf("command %d, %s, failed: the request was counted twice: the next one is due at %.0f", n, fired, due)
			}
			m.SetTime(now.Add(lease))
			if reply, ok := a("next").run(t.Context(), enterScript); !ok || reply[0] != int64(0) {
				t.Errorf("command %d, %s, failed: the next call gets %v", n, fired, reply)
			}
			rdb.Close()
		}
	}
}
