// Package httpserver serves HTTP until a context ends, with deadlines for peers,
// and with TLS by a certificate that is read again when it changes.
package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// grace is how long requests may continue after a server begins to shut down.
const grace = 10 * time.Second

// The time that a peer has. Handlers shorten and lengthen that of a request;
// these hold where they do not.
const (
	HeaderTimeout = 5 * time.Second  // to send the headers of a request
	bodyTime      = 30 * time.Second // to send all of it
	idleTime      = 2 * time.Minute  // between two requests
	stuckTime     = 30 * time.Second // over HTTP/2, to take anything at all, or to answer a ping
)

// Serve serves h on l until ctx ends, then lets requests finish.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: HeaderTimeout,
		ReadTimeout:       bodyTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    64 << 10,
		HTTP2:             &http.HTTP2Config{WriteByteTimeout: stuckTime, SendPingTimeout: stuckTime, PingTimeout: stuckTime},
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),

		// net/http would answer OPTIONS * itself, and wait for its body.
		DisableGeneralOptionsHandler: true,
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err := srv.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
