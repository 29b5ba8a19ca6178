package cli

import (
	"context"
	"net"

	"github.com/topcentral/spillway/api/admin"
)

// listenAdmin opens the listener for operators, nil if there is to be none.
func (s *system) listenAdmin() (net.Listener, error) {
	if s.cfg.AdminListen == adminOff {
		return nil, nil //nolint:nilnil // none is no error
	}
	return s.listenSafely(s.cfg.AdminListen, "SPILLWAY_ADMIN_LISTEN")
}

// listenWorker opens the listener of a worker, nil if there is to be none.
func (s *system) listenWorker() (net.Listener, error) {
	if s.cfg.WorkerListen == adminOff {
		return nil, nil //nolint:nilnil // none is no error
	}
	const setting = "SPILLWAY_WORKER_LISTEN"
	if err := s.cfg.mayServe(setting, s.cfg.WorkerListen, s.cfg.adminAuthenticates()); err != nil {
		return nil, err
	}
	return s.listenSafely(s.cfg.WorkerListen, setting)
}

// serveWorker serves the probes and metrics of a worker on l until ctx ends.
func (s *system) serveWorker(ctx context.Context, l net.Listener) error {
	if l == nil {
		return nil
	}
	guard, err := s.adminGuard(ctx)
	if err != nil {
		return err
	}
	h, err := admin.New(admin.Config{Guard: guard, Log: s.log, Metrics: s.metrics, Health: s.reporter().report})
	if err != nil {
		return err
	}
	return serveHTTP(ctx, l, h, s.log)
}

// serveAdmin serves operators on l until ctx ends.
func (s *system) serveAdmin(ctx context.Context, l net.Listener) error {
	if l == nil {
		return nil
	}
	guard, err := s.adminGuard(ctx)
	if err != nil {
		return err
	}
	login := s.cfg.adminAuthenticates()
	h, err := admin.New(admin.Config{Guard: guard, Login: login, Audit: s.audit, Log: s.log, Queues: s.queues, Metrics: s.metrics, Health: s.reporter().report})
	if err != nil {
		return err
	}
	s.log.Info("serving operators", "address", l.Addr().String(), "scheme", s.cfg.scheme(), "login", login)
	return serveHTTP(ctx, l, h, s.log)
}
