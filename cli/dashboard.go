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
	h, err := admin.New(admin.Config{Guard: guard, Login: login, Audit: s.audit, Log: s.log, Queues: s.rdb, Metrics: s.metrics, Health: s.health})
	if err != nil {
		return err
	}
	s.log.Info("serving operators", "address", l.Addr().String(), "scheme", s.cfg.scheme(), "login", login)
	return serveHTTP(ctx, l, h, s.log)
}
