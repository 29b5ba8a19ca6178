package queue

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
)

// counter counts the scripts that a client runs.
type counter struct {
	redis.UniversalClient
	scripts atomic.Int32
}

func (c *counter) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	c.scripts.Add(1)
	return c.UniversalClient.EvalSha(ctx, sha1, keys, args...)
}

// The upkeep runs a script only for what is due, whatever else the sets hold.
func TestUpkeepRunsScriptsForWhatIsDue(t *testing.T) {
	rdb := redistest.Embedded(t)
	now := time.Now().Unix()
	ask := func(k *keeper, set, pending string) {
		k.looked = time.Time{} // as after a while
		if err := k.EvalSha(t.Context(), "unknown", []string{set, pending}, now).Err(); err != nil && !redis.HasErrorPrefix(err, "NOSCRIPT") {
			t.Fatal(err)
		}
	}
	c := &counter{UniversalClient: rdb}
	k := &keeper{UniversalClient: c}
	a, b := keysOf("local.high"), keysOf("cloud.low")
	for _, step := range []struct {
		name string
		do   func()
		want int32 // scripts for a, and for b
	}{
		{"nothing is there", func() {}, 0},
		{"one is for later", func() { do(t, rdb, "ZADD", a.retry(), now+100, "x") }, 0},
		{"another is due", func() { do(t, rdb, "ZADD", b.retry(), now-1, "y") }, 1},
		{"both are due", func() { do(t, rdb, "ZADD", a.retry(), now-1, "x") }, 2},
		{"one is gone, and one has come", func() { do(t, rdb, "DEL", a.retry()); do(t, rdb, "ZADD", a.scheduled(), now+100, "z") }, 1},
	} {
		step.do()
		c.scripts.Store(0)
		ask(k, a.retry(), a.pending())
		ask(k, b.retry(), b.pending())
		if got := c.scripts.Load(); got != step.want {
			t.Errorf("%s: %d scripts ran, want %d", step.name, got, step.want)
		}
	}
}
