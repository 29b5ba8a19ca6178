package queue

import (
	"log/slog"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// Maintain does for every queue what asynq would do in each server for that server's
// queues: it moves what has fallen due to where it can be taken, and wakes a server
// for it; takes back what lost its worker; and forgets what was kept for long enough.
// It runs once in every process that serves queues, and also looks after those that no
// server takes tasks from. It is a server that takes no task itself, and ends with
// Shutdown; rdb stays the caller's to close after that.
func Maintain(rdb redis.UniversalClient, log *slog.Logger) (*Server, error) {
	// asynq has no such server, but one that was stopped keeps its loops.
	s, err := serveOn(&keeper{UniversalClient: rdb}, ServerConfig{Queues: All(), Drain: time.Second, Poll: pollEvery}, asynq.NewServeMux(), log)
	if err != nil {
		return nil, err
	}
	s.Stop()
	return s, nil
}
