package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/httpserver"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

const (
	// redisRetry is how often a process that starts asks again for its Redis.
	redisRetry = 500 * time.Millisecond
	// redisReport is how often it says that it waits.
	redisReport = 10 * time.Second
)

// awaitRedis returns when Redis answers, and is not loading its data any more. It
// waits for as long as cfg says, and meanwhile answers the probes: the process
// lives and is not ready.
func awaitRedis(ctx context.Context, cfg config.Config, rdb redis.UniversalClient, wait time.Duration, log *slog.Logger) error {
	err := pingRedis(ctx, rdb)
	if err == nil || wait <= 0 || !passing(err) {
		return err
	}
	stop := serveStarting(cfg, log)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	tick := time.NewTicker(redisRetry)
	defer tick.Stop()
	var reported time.Time
	for passing(err) {
		if time.Since(reported) >= redisReport {
			reported = time.Now()
			log.WarnContext(ctx, "waiting for Redis before the start", "at", redisconn.Place(cfg.RedisURL), "error", err, "gives_up_after", wait)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (waited for SPILLWAY_REDIS_WAIT, %v)", err, wait)
		case <-tick.C:
		}
		if next := pingRedis(ctx, rdb); next == nil || ctx.Err() == nil {
			err = next
		}
	}
	return err
}

// pingRedis asks Redis whether it answers. One that takes no writes does.
func pingRedis(ctx context.Context, rdb redis.UniversalClient) error {
	err := rdb.Ping(ctx).Err()
	if _, reads := redisconn.RefusesWrites(err); reads {
		return nil
	}
	return err
}

// passing reports whether a Redis that answers with err may serve later without
// anybody changing a setting.
func passing(err error) bool {
	if err == nil {
		return false
	}
	lasting := []string{"WRONGPASS", "NOAUTH", "NOPERM", "ERR", "DENIED"}
	return !slices.ContainsFunc(lasting, func(prefix string) bool { return strings.HasPrefix(err.Error(), prefix) })
}

// serveStarting answers probes where the process will listen, until stop: it lives,
// and is not ready. An address that cannot be had is left to those who need it.
func serveStarting(cfg config.Config, log *slog.Logger) (stop func()) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "starting: waiting for Redis", http.StatusServiceUnavailable)
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: httpserver.HeaderTimeout, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	if addr := cfg.AdminListen; addr != "" && addr != config.Off {
		if l, err := net.Listen("tcp", addr); err == nil {
			go srv.Serve(l) //nolint:errcheck // it ends with stop
		}
	}
	return func() { _ = srv.Close() }
}

// readTimeout bounds one reading of what a process needs at its start.
const readTimeout = 5 * time.Second

// persist calls read until it succeeds. It waits for a Redis that has gone away, or
// was restarted, after awaitRedis returned.
func persist(ctx context.Context, wait time.Duration, log *slog.Logger, read func(context.Context) error) error {
	once := func() error {
		ctx, cancel := context.WithTimeout(ctx, readTimeout)
		defer cancel()
		return read(ctx)
	}
	until := time.Now().Add(wait)
	err := once()
	for reported := false; mayReturn(err) && time.Now().Before(until); err = once() {
		if !reported {
			log.WarnContext(ctx, "Redis has gone away during the start; waiting for it", "error", err, "gives_up_after", wait)
			reported = true
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(redisRetry):
		}
	}
	return err
}

// mayReturn reports whether err comes from a Redis that may serve later without
// anybody changing a setting.
func mayReturn(err error) bool {
	if err == nil || tasks.CodeOf(err) != tasks.CodeUnavailable {
		return false
	}
	reply, ok := errors.AsType[redis.Error](err)
	return !ok || passing(reply)
}
