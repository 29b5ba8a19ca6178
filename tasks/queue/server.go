package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

const (
	// pollEvery is how long a server sleeps on average (asynq takes from half of it to
	// one and a half) when another was first, or where it cannot wait for wake-ups.
	pollEvery = 8 * time.Millisecond
	// forwardEvery is how often tickets that have fallen due are moved to
	// where they can be taken.
	forwardEvery = time.Second
	// failureDelay is when a ticket comes back after a handler failed by
	// an error that names no delay of its own.
	failureDelay = 5 * time.Second
)

// Handlers do the work that comes out of the queues. A nil error ends a task,
// and so does one that wraps ErrGivenUp. A *Retry brings it back when it says;
// any other error, or a panic, after a while. Handlers may ignore ctx: asynq
// cancels it when Redis has been unavailable for long, which is no reason to drop an
// answer. A nil handler is for what the server's queues do not hold.
type Handlers struct {
	Ticket func(ctx context.Context, t Ticket) error
	Notice func(ctx context.Context, n Notice) error
}

// ServerConfig says what one server takes.
type ServerConfig struct {
	Queues []string      // those before are emptied before those after
	Slots  int           // tasks handled at once; below 1 counts as 1
	Drain  time.Duration // how long Shutdown waits for handlers
	Poll   time.Duration // how long it sleeps where it cannot wait for wake-ups; 0: 8 ms
}

// Server takes tasks from its queues until it is stopped.
type Server struct {
	asynq   *asynq.Server
	wakeups *wakeups // nil: it takes no tasks
}

// Serve starts a server on rdb, which stays the caller's to close after
// Shutdown. What is to come back to the queues does so only while a process runs
// [Maintain].
func Serve(rdb redis.UniversalClient, cfg ServerConfig, h Handlers, log *slog.Logger) (*Server, error) {
	cfg.Poll = cmp.Or(cfg.Poll, pollEvery)
	conn := scouting(rdb, cfg, log)
	mux := h.mux(&conn.throttle)
	mux.Use(conn.counting)
	s, err := serveOn(conn, cfg, mux, log)
	if err != nil {
		return nil, err
	}
	s.wakeups = conn.wakeups
	return s, nil
}

// serveOn starts asynq's server on a connection that stands between it and Redis.
func serveOn(conn redis.UniversalClient, cfg ServerConfig, mux *asynq.ServeMux, log *slog.Logger) (*Server, error) {
	priorities := map[string]int{}
	for i, name := range cfg.Queues {
		priorities[name] = len(cfg.Queues) - i
	}
	srv := asynq.NewServerFromRedisClient(conn, asynq.Config{
		Concurrency:              max(cfg.Slots, 1), // asynq takes 0 for the number of CPUs
		Queues:                   priorities,
		StrictPriority:           true,
		TaskCheckInterval:        cfg.Poll,
		DelayedTaskCheckInterval: forwardEvery,
		ShutdownTimeout:          cfg.Drain,
		RetryDelayFunc:           retryDelay,
		IsFailure:                isFailure,
		Logger:                   newLogger(log),
		LogLevel:                 asynq.WarnLevel,
	})
	if err := srv.Start(mux); err != nil {
		return nil, fmt.Errorf("start queue server: %w", err)
	}
	return &Server{asynq: srv}, nil
}

// mux passes each task to the handler for its type, and slows down on queues whose
// tickets come back for others.
func (h Handlers) mux(t *throttle) *asynq.ServeMux {
	mux := asynq.NewServeMux()
	if h.Ticket != nil {
		mux.HandleFunc(typeTicket, func(ctx context.Context, task *asynq.Task) error {
			ticket, err := decode[Ticket](task.Payload())
			if err != nil {
				return verdict(err)
			}
			ticket.Headers = task.Headers()
			err = h.Ticket(ctx, ticket)
			if retry, ok := errors.AsType[*Retry](err); ok && retry.Elsewhere {
				name, _ := asynq.GetQueueName(ctx)
				t.slow(keysOf(name).pending(), retry.After)
			}
			return verdict(err)
		})
	}
	if h.Notice != nil {
		mux.HandleFunc(typeNotice, func(ctx context.Context, task *asynq.Task) error {
			notice, err := decode[Notice](task.Payload())
			if err != nil {
				return verdict(err)
			}
			notice.Tries, _ = asynq.GetRetryCount(ctx)
			return verdict(h.Notice(ctx, notice))
		})
	}
	return mux
}

// verdict maps errors to what asynq does with a task.
func verdict(err error) error {
	if errors.Is(err, ErrGivenUp) {
		return fmt.Errorf("%w: %w", err, asynq.SkipRetry)
	}
	return err
}

// Stop takes no more tasks; those in flight go on. Further calls do nothing.
func (s *Server) Stop() {
	if s.wakeups != nil {
		s.wakeups.stop()
	}
	s.asynq.Stop()
}

// Shutdown stops the server and waits for the tasks in flight, as long as the
// config's Drain allows; what is left then goes back to its queue, and its
// handler's ctx ends. Further calls do nothing.
func (s *Server) Shutdown() {
	if s.wakeups != nil {
		s.wakeups.stop()
	}
	s.asynq.Shutdown()
}

func retryDelay(_ int, err error, _ *asynq.Task) time.Duration {
	if errors.Is(err, asynq.ErrLeaseExpired) {
		return 0
	}
	if retry, ok := errors.AsType[*Retry](err); ok {
		return retry.After
	}
	return failureDelay
}

// isFailure keeps what is no failure from being counted as one: a ticket
// that came too early, and a worker that was lost.
func isFailure(err error) bool {
	if retry, ok := errors.AsType[*Retry](err); ok {
		return retry.Counts
	}
	return !errors.Is(err, asynq.ErrLeaseExpired)
}
