package cli

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/topcentral/spillway/tasks"
)

// serveAPI serves callers and operators until ctx ends.
func (s *system) serveAPI(ctx context.Context) error {
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
	s.log.Info("serving the API", "address", front.api.Addr().String(), "scheme", s.cfg.scheme(), "authentication", s.cfg.authenticates())
	return group.Wait()
}

// workerConfig returns the settings of a process that only runs jobs: operators
// find it at the worker's address, and whether they need a login is decided by
// that.
func workerConfig(cfg config) config {
	cfg.AdminListen = cfg.WorkerListen
	return cfg
}

// runWorker runs jobs of the lanes and delivers webhooks until ctx ends and the
// jobs in hand are done, and serves the probes of the worker meanwhile.
func (s *system) runWorker(ctx context.Context, lanes []tasks.Lane) error {
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
	place := adminOff
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
func (s *system) work(lanes []tasks.Lane) (func(ctx context.Context, ready func()) error, error) {
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
