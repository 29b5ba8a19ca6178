package cli

import (
	"context"
	"net"

	"golang.org/x/sync/errgroup"
)

// front is where a process answers callers and operators.
type front struct {
	sys       *system
	api       net.Listener
	operators net.Listener // nil: there is none
}

// openFront listens, and opens the audit log of what is asked for there.
func (s *system) openFront() (f front, err error) {
	f.sys = s
	if err := s.cfg.mayListen(); err != nil {
		return f, err
	}
	if f.api, err = s.listenAPI(); err != nil {
		return f, err
	}
	if f.operators, err = s.listenAdmin(); err != nil {
		return f, err
	}
	return f, s.openAudit()
}

// serve answers, as members of the group, until ctx ends.
func (f front) serve(ctx context.Context, group *errgroup.Group) error {
	handler, err := f.sys.api(ctx)
	if err != nil {
		return err
	}
	group.Go(func() error { return serveHTTP(ctx, f.api, handler, f.sys.log) })
	group.Go(func() error { return f.sys.serveAdmin(ctx, f.operators) })
	group.Go(func() error { return f.sys.auditKeys(ctx) })
	return nil
}
