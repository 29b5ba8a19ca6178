package cli

import (
	"context"

	"github.com/topcentral/spillway/app"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

type apiCommand struct{}

// Help gives an example.
func (apiCommand) Help() string {
	return "Example:\n  SPILLWAY_REDIS_URL=redis://10.0.0.5:6379/0 SPILLWAY_API_LISTEN=127.0.0.1:8080 spillway api"
}

// Run serves the API until ctx ends.
func (apiCommand) Run(ctx context.Context, s streams) error {
	cfg, err := config.Read()
	if err != nil {
		return err
	}
	if err := cfg.CheckListeners(); err != nil {
		return err
	}
	sys, err := app.New(ctx, cfg, redisconn.API, config.NewLog(cfg, s.err))
	if err != nil {
		return err
	}
	defer sys.Stop()
	defer app.TuneMemory(cfg, false)()
	return sys.ServeAPI(ctx)
}
