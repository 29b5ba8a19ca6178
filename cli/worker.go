package cli

import (
	"context"

	"github.com/topcentral/spillway/app"
	"github.com/topcentral/spillway/app/config"
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
	cfg, err := config.Read()
	if err != nil {
		return err
	}
	cfg = app.WorkerConfig(cfg)
	sys, err := app.New(ctx, cfg, redisconn.Worker, config.NewLog(cfg, s.err))
	if err != nil {
		return err
	}
	defer sys.Stop()
	defer app.TuneMemory(cfg, false)()
	return sys.RunWorker(ctx, c.Lane)
}
