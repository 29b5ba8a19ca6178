package config

import (
	"testing"

	"github.com/topcentral/spillway/tasks/store/redisconn"
)

func TestHighWater(t *testing.T) {
	for _, c := range []struct {
		mark        float64
		used, limit int64
		full        bool
	}{
		{85, 84, 100, false}, {85, 85, 100, true}, {85, 1 << 40, 0, false}, {0, 100, 100, false}, {100, 99, 100, false}, {100, 100, 100, true},
	} {
		if got := (Config{RedisHighWater: c.mark}).IsFull(redisconn.MemoryUse{Used: c.used, Limit: c.limit}); got != c.full {
			t.Errorf("%+v: got %t", c, got)
		}
	}
}
