package store_test

import (
	"encoding/json"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// Redis reports a missing permission in other words from within a script.
func TestADeniedCommandOfAScriptIsAnOutage(t *testing.T) {
	server := redistest.Start(t)
	admin := server.Client(t)
	for _, command := range []string{"hset", "evalsha", "zadd"} {
		if err := admin.Do(t.Context(), "ACL", "SETUSER", "app", "reset", "on", "nopass", "~*", "&*", "+@all", "-"+command).Err(); err != nil {
			t.Fatal(err)
		}
		rdb := redis.NewClient(&redis.Options{Addr: server.Addr, Username: "app", Password: "any"})
		t.Cleanup(func() { rdb.Close() })
		s := store.New(rdb, store.DefaultConfig())
		t.Cleanup(func() { s.Close() })
		if _, err := s.Create(t.Context(), draft(), json.RawMessage(`{}`), store.Idempotency{}); tasks.CodeOf(err) != tasks.CodeUnavailable {
			t.Errorf("without %s: got %v, want %s", command, err, tasks.CodeUnavailable)
		}
	}
}
