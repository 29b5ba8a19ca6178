package app

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/tasks"
)

// followAgents keeps the catalogue as the directory of agents and the pushed ones
// are, until ctx ends.
func (s *App) followAgents(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.Agents.Watch(ctx) })
	group.Go(func() error { return s.pushed.Follow(ctx, s.Agents, s.log) })
	return group.Wait()
}

// announceStop logs, once ctx ends, what the process still waits for.
func (s *App) announceStop(ctx context.Context) error {
	<-ctx.Done()
	s.log.Info("stopping; running jobs may finish; press Ctrl-C again to stop at once", "drain", s.cfg.WorkerDrain)
	return nil
}

// ServeAPI serves callers and operators until ctx ends.
func (s *App) ServeAPI(ctx context.Context) error {
	front, err := s.openFront()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	if err := front.serve(ctx, group); err != nil {
		return err
	}
	group.Go(func() error { return s.followAgents(ctx) })
	group.Go(func() error { return s.clock.Run(ctx) })
	s.log.Info("serving the API", "address", front.api.Addr().String(), "scheme", s.cfg.Scheme(), "authentication", s.cfg.Authenticates())
	return group.Wait()
}

// WorkerConfig returns the settings of a process that only runs jobs: operators
// find it at the worker's address, and whether they need a login is decided by
// that.
func WorkerConfig(cfg config.Config) config.Config {
	cfg.AdminListen = cfg.WorkerListen
	return cfg
}

// RunWorker runs jobs of the lanes and delivers webhooks until ctx ends and the
// jobs in hand are done, and serves the probes of the worker meanwhile.
func (s *App) RunWorker(ctx context.Context, lanes []tasks.Lane) error {
	slices.Sort(lanes)
	lanes = slices.Compact(lanes)
	work, err := s.work(lanes)
	if err != nil {
		return err
	}
	probes, err := s.listenWorker()
	if err != nil {
		return err
	}
	place := config.Off
	if probes != nil {
		place = probes.Addr().String()
	}
	group, ctx := errgroup.WithContext(ctx)
	serving, worked := context.WithCancel(context.WithoutCancel(ctx)) // until the last job is done
	group.Go(func() error { return s.serveWorker(serving, probes) })
	group.Go(func() error {
		defer worked()
		return work(ctx, func() { s.log.Info("worker is ready", "lanes", fmt.Sprint(lanes), "probes", place) })
	})
	return group.Wait()
}

// work makes what runs jobs of the lanes and delivers webhooks. It does so until
// ctx ends, and calls ready when jobs are being taken.
func (s *App) work(lanes []tasks.Lane) (func(ctx context.Context, ready func()) error, error) {
	w, err := s.worker(lanes)
	if err != nil {
		return nil, err
	}
	deliver, err := s.webhooks()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, ready func()) error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return s.announceStop(ctx) })
		group.Go(func() error { return s.followAgents(ctx) })
		group.Go(func() error { return s.clock.Run(ctx) })
		group.Go(func() error { return deliver(ctx) })
		group.Go(func() error { return w.Run(ctx, ready) })
		return group.Wait()
	}, nil
}
