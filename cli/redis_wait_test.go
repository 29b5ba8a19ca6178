package cli

import (
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	redisserver "github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
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
	log := new(syncBuffer)
	cfg := config{RedisURL: "redis://" + embedded.Addr(), AdminListen: adminOff}
	if err := awaitRedis(t.Context(), cfg, rdb, patient, slog.New(slog.NewTextHandler(log, nil))); err != nil {
		t.Errorf("got %v", err)
	}
	if said := log.String(); strings.Count(said, "waiting for Redis before the start") != 1 || !strings.Contains(said, "LOADING") {
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
	err := awaitRedis(t.Context(), config{AdminListen: adminOff}, rdb, patient, slog.New(slog.DiscardHandler))
	if err == nil || time.Since(began) > patient/2 {
		t.Errorf("after %v got %v", time.Since(began), err)
	}
}

func TestAWorkerWaitsForItsRedis(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	operators := freeAddress(t)
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+server.Addr)
	t.Setenv("SPILLWAY_WORKER_LISTEN", operators)
	t.Setenv("SPILLWAY_REDIS_WAIT", "1m")
	worker := serve(t, regexp.MustCompile(`msg="waiting for Redis before the start" at=127`), "worker")
	if status, body := fetchText(t, "http://"+operators+"/livez"); status != http.StatusOK {
		t.Errorf("/livez: %d %s", status, body)
	}
	if status, body := fetchText(t, "http://"+operators+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "waiting for Redis") {
		t.Errorf("/readyz: %d %s", status, body)
	}
	server.Restart(t)
	until(t, "the worker does not start", func() bool { return strings.Contains(worker.log.String(), "worker is ready") })
	until(t, "it is not ready", func() bool { status, _ := fetchText(t, "http://"+operators+"/readyz"); return status == http.StatusOK })
}

func TestAProcessGivesUpWaitingForItsRedis(t *testing.T) {
	for _, command := range []string{"api", "worker"} {
		t.Setenv("SPILLWAY_REDIS_URL", "redis://"+freeAddress(t))
		t.Setenv("SPILLWAY_ADMIN_LISTEN", adminOff)
		t.Setenv("SPILLWAY_API_LISTEN", "127.0.0.1:0")
		t.Setenv("SPILLWAY_REDIS_WAIT", "1s")
		_, errs, code := commandWith(t, "", command)
		if code != exitError || !strings.Contains(errs, "waited for SPILLWAY_REDIS_WAIT, 1s") || !strings.Contains(errs, "no Redis answers at 127.0.0.1") {
			t.Errorf("%s: exit %d\n%s", command, code, errs)
		}
	}
}
