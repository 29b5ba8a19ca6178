package app

import (
	"context"
	"net"

	"golang.org/x/sync/errgroup"

	"github.com/topcentral/spillway/app/httpserver"
)

// front is where a process answers callers and operators.
type front struct {
	sys       *App
	api       net.Listener
	operators net.Listener // nil: there is none
}

// openFront listens, and opens the audit log of what is asked for there.
func (s *App) openFront() (f front, err error) {
	f.sys = s
	if err := s.cfg.CheckListeners(); err != nil {
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
	handler, err := f.sys.handler(ctx)
	if err != nil {
		return err
	}
	group.Go(func() error { return httpserver.Serve(ctx, f.api, handler, f.sys.log) })
	group.Go(func() error { return f.sys.serveAdmin(ctx, f.operators) })
	group.Go(func() error { return f.sys.auditKeys(ctx) })
	group.Go(func() error { return f.sys.auditEgress(ctx) })
	return nil
}
