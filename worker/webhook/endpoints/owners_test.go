package endpoints

import (
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
)

// The owners are read from a set. All keys are searched once, for data of a build that
// kept none: with a million jobs that takes seconds.
func TestOwnersAreFoundWithoutASearch(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		reg, ctx := open(t, rdb), t.Context()
		register(t, reg, "acme")
		if _, err := reg.Secret(ctx, "quiet"); err != nil {
			t.Fatal(err)
		}
		want := []string{"acme", "quiet"}
		check := func(when string) {
			t.Helper()
			if got, err := reg.owners(ctx); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: got %v, %v, want %v", when, got, err, want)
			}
		}
		check("at first")
		rdb.Del(ctx, ownersKey, indexedKey)
		check("of an earlier version")
		rdb.HSet(ctx, recordsKey("unlisted"), "ep_x", "{}") // nothing of ours writes such
		check("without another search")
	})
}
