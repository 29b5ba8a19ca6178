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
	sys, err := open(ctx, cfg, redisconn.Worker, newLog(cfg, s.err))
	if err != nil {
		return err
	}
	defer sys.close()
	slices.Sort(c.Lane)
	return sys.work(ctx, slices.Compact(c.Lane), func() {
		sys.log.Info("worker is ready", "lanes", fmt.Sprint(c.Lane))
	})
}

// work runs jobs of the lanes, and delivers webhooks, until ctx ends. It calls
// ready when jobs are being taken.
func (s *system) work(ctx context.Context, lanes []tasks.Lane, ready func()) error {
	w, err := s.worker(lanes)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.agents.Watch(ctx) })
	group.Go(func() error { return s.webhooks(ctx) })
	group.Go(func() error { return w.Run(ctx, ready) })
	return group.Wait()
}
