package cli

import (
	"context"
	"fmt"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/doctor"
)

type doctorCommand struct{}

// Help gives an example.
func (doctorCommand) Help() string {
	return "Checks Redis, queues, workers, providers and agents that this machine's settings name, and says what to\n" +
		"do about each finding. The exit code is 1 if something has failed.\n\n" +
		"Example:\n  SPILLWAY_REDIS_URL=redis://10.0.0.5:6379/0 spillway doctor"
}

// Run prints what it finds.
func (doctorCommand) Run(ctx context.Context, s streams) error {
	cfg, err := config.Read()
	if err != nil {
		return err
	}
	findings := doctor.Examine(ctx, cfg)
	if failed := printFindings(s.out, findings); failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(findings))
	}
	return nil
}
