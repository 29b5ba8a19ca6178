package app

import (
	"context"
	"encoding/json"
	"net"

	"github.com/topcentral/spillway/api/admin"
	"github.com/topcentral/spillway/api/console"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/httpserver"
	"github.com/topcentral/spillway/tasks"
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
	page, err := s.console()
	if err != nil {
		return err
	}
	h, err := admin.New(admin.Config{Guard: guard, Login: login, Console: page, Audit: s.audit, Log: s.log, Queues: s.queues, Metrics: s.metrics, Health: s.reporter().Report})
	if err != nil {
		return err
	}
	s.log.Info("serving operators", "address", l.Addr().String(), "scheme", s.cfg.Scheme(), "login", login)
	return httpserver.Serve(ctx, l, h, s.log)
}

// console returns the operators' page.
func (s *App) console() (*console.Console, error) {
	return console.New(console.Config{
		Jobs: consoleJobs{jobs{s.dispatcher, s.Store}}, Health: s.reporter().Report, Workers: s.Store.Workers,
		Agents: func() []string {
			var ids []string
			for _, a := range s.Agents.All() {
				ids = append(ids, a.ID)
			}
			return ids
		},
	})
}

// consoleJobs is what the console does with jobs: what the API does, and what the
// store has of them.
type consoleJobs struct{ jobs }

// Input returns what a job was made with.
func (j consoleJobs) Input(ctx context.Context, id string) (json.RawMessage, error) {
	return j.store.Input(ctx, id)
}

// Since returns events of a job.
func (j consoleJobs) Since(ctx context.Context, id string, after, limit int64) ([]tasks.Event, bool, error) {
	return j.store.Since(ctx, id, after, limit)
}

// Tenants lists the tenants that keep jobs.
func (j consoleJobs) Tenants(ctx context.Context) ([]string, error) { return j.store.Tenants(ctx) }
