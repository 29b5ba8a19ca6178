package queue

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// maintainEvery is how often tickets that have fallen due are moved in queues
// that no worker serves; those of others are moved by their servers.
const maintainEvery = 5 * time.Second

// Maintain does for every queue what asynq does only for those that a running
// server takes tasks from: it moves what has fallen due to where it can be
// taken, takes back what lost its worker, and forgets what was kept for long
// enough. Else the tasks of a queue without a server would never move. It is a
// server that takes no task itself, and ends with Shutdown; rdb stays the
// caller's to close after that.
func Maintain(rdb redis.UniversalClient, log *slog.Logger) (*Server, error) {
	// asynq has no such server, but one that was stopped keeps its loops. A task
	// that it takes between start and stop goes back at once.
	back := Handlers{
		Ticket: func(context.Context, Ticket) error { return &Retry{} },
		Notice: func(context.Context, Notice) error { return &Retry{} },
	}
	s, err := serveEvery(rdb, maintainEvery, ServerConfig{Queues: All(), Drain: time.Second}, back, log)
	if err != nil {
		return nil, err
	}
	s.Stop()
	return s, nil
}
