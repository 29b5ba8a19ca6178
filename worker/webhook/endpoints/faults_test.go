package endpoints

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
)

// After an error at any command of a script an endpoint is as it was, or as it
// should be; after a repeat the latter.
func TestAnErrorAtAnyCommandOfAScript(t *testing.T) {
	redistest.CheckScripts(t, "lua", "replace", "failed")
	t.Run("replace", func(t *testing.T) {
		redistest.EachCommand(t, func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
			reg := open(t, rdb)
			id := register(t, reg, "acme").ID
			r, err := reg.record(t.Context(), "acme", id)
			if err != nil {
				t.Fatal(err)
			}
			r.Description = "changed"
			fail(func() error { return reg.replace(t.Context(), r) })
			if all, err := reg.Endpoints(t.Context(), "acme"); err != nil || len(all) != 1 || all[0].Description != "changed" {
				t.Errorf("got %v, %v", all, err)
			}
		})
	})
	t.Run("failed", func(t *testing.T) {
		redistest.EachCommand(t, func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
			reg := open(t, rdb)
			id := register(t, reg, "acme").ID
			fail(func() error {
				return failedScript.Run(t.Context(), rdb, []string{recordsKey("acme"), failingKey("acme")}, id, 1000).Err()
			})
			if e, err := reg.Endpoint(t.Context(), "acme", id); err != nil || !e.FailingSince.Equal(time.UnixMilli(1000)) {
				t.Errorf("got %+v, %v", e, err)
			}
		})
	})
}
