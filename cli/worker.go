package cli

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

type workerCommand struct {
	Lane []tasks.Lane `enum:"local,cloud" default:"local,cloud" placeholder:"LANE" help:"Lanes to work for: local, cloud, or both, separated by a comma."`
}

// Help gives examples.
func (workerCommand) Help() string {
	return "Examples:\n  spillway worker --lane local\n  DEEPSEEK_API_KEY=… spillway worker --lane cloud"
}

// Run runs jobs until ctx ends and the jobs in hand are done.
func (c workerCommand) Run(ctx context.Context, s streams) error {
	cfg, err := readConfig()
	if err != nil {
		return err
	}
	cfg.AdminListen = cfg.WorkerListen // whether it needs a login is decided as there
	sys, err := open(ctx, cfg, redisconn.Worker, newLog(cfg, s.err))
	if err != nil {
		return err
	}
	defer sys.close()
	slices.Sort(c.Lane)
	lanes := slices.Compact(c.Lane)
	work, err := sys.work(lanes)
	if err != nil {
		return err
	}
	probes, err := sys.listenWorker()
	if err != nil {
		return err
	}
	place := adminOff
	if probes != nil {
		place = probes.Addr().String()
	}
	group, ctx := errgroup.WithContext(ctx)
	serving, worked := context.WithCancel(context.WithoutCancel(ctx)) // until the last job is done
	group.Go(func() error { return sys.serveWorker(serving, probes) })
	group.Go(func() error {
		defer worked()
		return work(ctx, func() { sys.log.Info("worker is ready", "lanes", fmt.Sprint(lanes), "probes", place) })
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
