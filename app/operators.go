package app

import (
	"context"
	"net"

	"github.com/topcentral/spillway/api/admin"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/httpserver"
)

// listenAdmin opens the listener for operators, nil if there is to be none.
func (s *App) listenAdmin() (net.Listener, error) {
	if s.cfg.AdminListen == config.Off {
		return nil, nil //nolint:nilnil // none is no error
	}
	return s.listenSafely(s.cfg.AdminListen, "SPILLWAY_ADMIN_LISTEN")
}

// listenWorker opens the listener of a worker, nil if there is to be none.
func (s *App) listenWorker() (net.Listener, error) {
	if s.cfg.WorkerListen == config.Off {
		return nil, nil //nolint:nilnil // none is no error
	}
	const setting = "SPILLWAY_WORKER_LISTEN"
	if err := s.cfg.CheckListener(setting, s.cfg.WorkerListen, s.cfg.AdminAuthenticates()); err != nil {
		return nil, err
	}
	return s.listenSafely(s.cfg.WorkerListen, setting)
}

// serveWorker serves the probes and metrics of a worker on l until ctx ends.
func (s *App) serveWorker(ctx context.Context, l net.Listener) error {
	if l == nil {
		return nil
	}
	guard, err := s.adminGuard(ctx)
	if err != nil {
		return err
	}
	h, err := admin.New(admin.Config{Guard: guard, Log: s.log, Metrics: s.metrics, Health: s.reporter().Report})
	if err != nil {
		return err
	}
	return httpserver.Serve(ctx, l, h, s.log)
}

// serveAdmin serves operators on l until ctx ends.
func (s *App) serveAdmin(ctx context.Context, l net.Listener) error {
	if l == nil {
		return nil
	}
	guard, err := s.adminGuard(ctx)
	if err != nil {
		return err
	}
	login := s.cfg.AdminAuthenticates()
	h, err := admin.New(admin.Config{Guard: guard, Login: login, Audit: s.audit, Log: s.log, Queues: s.queues, Metrics: s.metrics, Health: s.reporter().Report})
	if err != nil {
		return err
	}
	s.log.Info("serving operators", "address", l.Addr().String(), "scheme", s.cfg.Scheme(), "login", login)
	return httpserver.Serve(ctx, l, h, s.log)
}
