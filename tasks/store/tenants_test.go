package store_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks/store"
)

func TestTenants(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb, func(c *store.Config) { c.Shards = 3 })
		for _, tenant := range []string{"beta", "acme", "beta", "acme", "acme"} {
			j := draft()
			j.Tenant = tenant
			if _, err := s.Create(t.Context(), j, json.RawMessage(`{}`), store.Idempotency{}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Tenants(t.Context())
		if want := []string{"acme", "beta"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	})
}
