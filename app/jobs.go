package app

import (
	"context"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/httpserver"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// JobConfig returns the settings of a process that runs some jobs and ends.
func JobConfig(cfg config.Config) config.Config {
	cfg.HostCPULimit, cfg.HostMemoryLimit = 0, 0 // its load is our own
	cfg.WorkerDrain = time.Second                // what is not done by then is not waited for
	return cfg
}

// whileWorking runs jobs of every lane while use runs.
func (s *App) whileWorking(ctx context.Context, use func(ctx context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	work, err := s.work([]tasks.Lane{tasks.Local, tasks.Cloud})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	ready := make(chan struct{})
	group.Go(func() error { return work(ctx, func() { close(ready) }) })
	group.Go(func() error {
		defer stop()
		select {
		case <-ready:
			return use(ctx)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	return group.Wait()
}

// WhileServing serves the API on loopback and runs jobs of every lane while use
// runs, which gets the API's URL.
func (s *App) WhileServing(ctx context.Context, use func(ctx context.Context, url string) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	handler, err := s.handler(ctx)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	group.Go(func() error { return httpserver.Serve(ctx, l, handler, s.log) })
	group.Go(func() error {
		defer stop()
		return s.whileWorking(ctx, func(ctx context.Context) error { return use(ctx, "http://"+l.Addr().String()) })
	})
	return group.Wait()
}

// RunOne pushes the agent in folder, runs one job of it and returns the job when
// it has ended, or an error at the job's deadline.
func (s *App) RunOne(ctx context.Context, folder *agents.Folder, sub *tasks.Submission) (j *tasks.Job, err error) {
	if _, err := s.pushed.Push(ctx, folder, "spillway agents try"); err != nil {
		return nil, err
	}
	if _, err := s.pushed.Load(ctx, s.Agents); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithDeadline(ctx, sub.Deadline)
	defer cancel()
	err = s.whileWorking(ctx, func(ctx context.Context) error {
		made, _, err := s.dispatcher.Submit(ctx, access.DefaultTenant, sub)
		if err != nil {
			return err
		}
		if err := s.Store.AwaitEnd(ctx, made.ID); err != nil {
			return err
		}
		j, err = s.Store.Job(ctx, access.DefaultTenant, made.ID)
		return err
	})
	return j, err
}
