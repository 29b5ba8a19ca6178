package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"
)

// cleanup is what must be undone before a process ends, in reverse order of
// its beginning.
type cleanup struct{ steps []cleanupStep }

type cleanupStep struct {
	name string
	undo func() error
}

// add notes how to undo what has just been done.
func (c *cleanup) add(name string, undo func() error) {
	c.steps = append(c.steps, cleanupStep{name, undo})
}

// run undoes everything, newest first, and logs what could not be undone. A
// second run does nothing.
func (c *cleanup) run(log *slog.Logger) {
	for _, s := range slices.Backward(c.steps) {
		if err := s.undo(); err != nil {
			log.Warn("clean-up failed", "step", s.name, "error", err)
		}
	}
	c.steps = nil
}

// httpGrace is how long requests may go on after a server was told to stop.
const httpGrace = 10 * time.Second

// listen opens a TCP listener that is closed with the system, if its server has
// not done so. The error names the setting to change.
func (s *system) listen(addr, setting string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%w; is another server running there? Set %s to use another address", err, setting)
	}
	s.cleanup.add("listener on "+addr, func() error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return l, nil
}

// announceStop logs, once ctx ends, what the process still waits for.
func (s *system) announceStop(ctx context.Context) error {
	<-ctx.Done()
	s.log.Info("stopping: jobs in hand may finish; press Ctrl-C again to stop at once", "drain", s.cfg.WorkerDrain)
	return nil
}

// The time that a peer has. Handlers shorten and lengthen that of a request;
// these hold where they do not.
const (
	headerTime = 5 * time.Second  // to send the headers of a request
	bodyTime   = 30 * time.Second // to send all of it
	idleTime   = 2 * time.Minute  // between two requests
	stuckTime  = 30 * time.Second // over HTTP/2, to take anything at all, or to answer a ping
)

// serveHTTP serves h on l until ctx ends, then lets requests finish.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
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
	grace, cancel := context.WithTimeout(context.Background(), httpGrace)
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
