package app

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/hibiken/asynq"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// A process does not start where its queues hold another application's tasks, nor
// with another prefix than the rest of the installation.
func TestQueuesAreOneInstallationsAlone(t *testing.T) {
	rdb, quiet := redistest.Embedded(t), slog.New(slog.DiscardHandler)
	start := func(prefix queue.Prefix) error {
		cfg := config.Config{RedisURL: "redis://" + rdb.Options().Addr, QueuePrefix: prefix}
		var c cleanup
		defer func() { c.run(quiet) }()
		_, err := connectQueues(t.Context(), cfg, redisconn.Worker, rdb, &c, quiet)
		return err
	}
	if _, err := asynq.NewClientFromRedisClient(rdb).Enqueue(asynq.NewTask("email:send", nil), asynq.Queue(queue.Webhooks)); err != nil {
		t.Fatal(err)
	}
	if err := start("spw"); err != nil {
		t.Errorf("with a prefix: %v", err)
	}
	if err := start("other"); err == nil || !strings.Contains(err.Error(), "SPILLWAY_QUEUE_PREFIX") {
		t.Errorf("with another prefix: got %v", err)
	}
	rdb.Del(t.Context(), "spillway:queue-prefix")
	if err := start(""); err == nil || !strings.Contains(err.Error(), "email:send") {
		t.Errorf("beside another application: got %v", err)
	}
}
