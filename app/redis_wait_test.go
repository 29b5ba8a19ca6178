package app

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	redisserver "github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/agentstore"
	"github.com/topcentral/spillway/tasks/queue"
)

// A Redis that loads its log answers, with an error that ends by itself.
func TestAProcessWaitsWhileRedisLoadsItsData(t *testing.T) {
	embedded := miniredis.RunT(t)
	var asked atomic.Int32
	loading := func(c *redisserver.Peer, _ string, _ ...string) bool {
		if asked.Add(1) > 3 {
			return false
		}
		c.WriteError("LOADING Redis is loading the dataset in memory")
		return true
	}
	embedded.Server().SetPreHook(loading)
	rdb := redis.NewClient(&redis.Options{Addr: embedded.Addr(), MaxRetries: -1, DisableIdentity: true, Protocol: 2})
	defer rdb.Close()
	log := new(drained)
	cfg := config.Config{RedisURL: "redis://" + embedded.Addr(), AdminListen: config.Off}
	if err := awaitRedis(t.Context(), cfg, rdb, 30*time.Second, slog.New(slog.NewTextHandler(log, nil))); err != nil {
		t.Errorf("got %v", err)
	}
	if said := log.take(); strings.Count(said, "waiting for Redis before the start") != 1 || !strings.Contains(said, "LOADING") {
		t.Errorf("it logs\n%s", said)
	}
}

// What does not end by itself is not waited for.
func TestAProcessDoesNotWaitForAWrongPassword(t *testing.T) {
	embedded := miniredis.RunT(t)
	embedded.RequireAuth("right")
	rdb := redis.NewClient(&redis.Options{Addr: embedded.Addr(), Password: "wrong", DisableIdentity: true, Protocol: 2})
	defer rdb.Close()
	began := time.Now()
	err := awaitRedis(t.Context(), config.Config{AdminListen: config.Off}, rdb, 30*time.Second, slog.New(slog.DiscardHandler))
	if err == nil || time.Since(began) > 15*time.Second {
		t.Errorf("after %v got %v", time.Since(began), err)
	}
}

// Redis may go away again after it has first answered.
func TestAProcessWaitsForWhatItReadsAtItsStart(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	embedded := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: embedded.Addr(), DisableIdentity: true, Protocol: 2})
	defer rdb.Close()
	catalogue, err := agents.Open("", log)
	if err != nil {
		t.Fatal(err)
	}
	load := func(ctx context.Context) error { _, err := agentstore.New(rdb).Load(ctx, catalogue); return err }
	claim := func(ctx context.Context) error { return queue.Claim(ctx, rdb, "") }
	for name, read := range map[string]func(context.Context) error{"pushed agents": load, "queue prefix": claim} {
		embedded.SetError("LOADING Redis is loading the dataset in memory")
		back := time.AfterFunc(100*time.Millisecond, func() { embedded.SetError("") })
		if err := persist(t.Context(), 30*time.Second, log, read); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
		back.Stop()
		embedded.SetError("NOPERM this user has no permissions to run the 'hget' command")
		began := time.Now()
		if err := persist(t.Context(), 30*time.Second, log, read); err == nil || time.Since(began) > 10*time.Second {
			t.Errorf("%s, without a permission: got %v after %v", name, err, time.Since(began))
		}
	}
}
