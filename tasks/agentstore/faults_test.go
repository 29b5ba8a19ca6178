package agentstore

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
)

// Whichever command of a script fails, the agent that was current still is, or the new
// one is; after a repeat the new one is, and every process hears of it.
func TestAnErrorAtAnyCommandOfAScript(t *testing.T) {
	redistest.CheckScripts(t, "lua", "push", "switch")
	check := func(t *testing.T, s *Store, revision int64, version string) {
		t.Helper()
		current, now, err := s.Current(t.Context())
		if err != nil || current["A02"] != version || now <= revision {
			t.Errorf("current %v, revision %d after %d, %v", current, now, revision, err)
		}
		if version == "" {
			return
		}
		if v, err := s.version(t.Context(), "A02", version); err != nil || v == nil {
			t.Errorf("version %s: got %v, %v", version, v, err)
		}
		if all, err := s.Versions(t.Context(), "A02"); err != nil || len(all) != 2 {
			t.Errorf("versions: got %v, %v", all, err)
		}
	}
	t.Run("push", func(t *testing.T) {
		redistest.EachCommand(t, func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
			s := New(rdb)
			push(t, s, builtin(t, "First"))
			_, revision, _ := s.Current(t.Context())
			next := builtin(t, "Second")
			var pushed *Version
			fail(func() (err error) { pushed, err = s.Push(t.Context(), next, "me"); return err })
			check(t, s, revision, pushed.Version)
		})
	})
	t.Run("switch", func(t *testing.T) {
		redistest.EachCommand(t, func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
			s := New(rdb)
			first := push(t, s, builtin(t, "First"))
			push(t, s, builtin(t, "Second"))
			_, revision, _ := s.Current(t.Context())
			fail(func() error { _, err := s.set(t.Context(), "A02", first.Version); return err })
			check(t, s, revision, first.Version)
		})
	})
	t.Run("remove", func(t *testing.T) {
		redistest.EachCommand(t, func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
			s := New(rdb)
			push(t, s, builtin(t, "First"))
			_, revision, _ := s.Current(t.Context())
			fail(func() error { _, err := s.Remove(t.Context(), "A02"); return err })
			check(t, s, revision, "")
		})
	})
}

// The oldest version is dropped whole: its folder first, so that an error leaves no
// folder that nothing lists.
func TestAnErrorWhileAVersionIsDropped(t *testing.T) {
	redistest.EachCommand(t, func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
		args := []any{"A02", "v3", "{}", 2}
		keys := []string{currentKey, foldersKey("A02"), historyKey("A02")}
		for _, v := range []string{"v1", "v2"} {
			rdb.HSet(t.Context(), keys[1], v, "{}")
			rdb.LPush(t.Context(), keys[2], v)
		}
		fail(func() error { return pushScript.Run(t.Context(), rdb, keys, args...).Err() })
		if n, m := rdb.HLen(t.Context(), keys[1]).Val(), rdb.LLen(t.Context(), keys[2]).Val(); n != 2 || m != 2 {
			t.Errorf("%d folders, %d listed", n, m)
		}
	})
}
