package access

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
)

// An error at any command of a script takes nothing from a caller's rate.
func TestAnErrorAtAnyCommandOfAScript(t *testing.T) {
	redistest.CheckScripts(t, "lua", "rate")
	redistest.EachCommand(t, func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
		var u usage
		fail(func() (err error) {
			u, err = takeFromRate(t.Context(), rdb, "caller", Rate{Requests: 10, Per: time.Hour, Burst: 10}, 3)
			return err
		})
		if !u.allowed || u.left != 7 {
			t.Errorf("got %+v, want 7 left", u)
		}
	})
}
