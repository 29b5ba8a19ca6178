package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/topcentral/spillway/app"
	"github.com/topcentral/spillway/app/config"
)

type devCommand struct {
	Admin string `placeholder:"ADDRESS" help:"Where to serve operators with the dashboard of the queues, instead of SPILLWAY_ADMIN_LISTEN."`
}

// Help gives an example.
func (devCommand) Help() string {
	return "Nothing is needed and nothing is kept: Redis is embedded, in memory. Ollama is used if it\n" +
		"answers, and each cloud whose key is set.\n\nExample:\n  DEEPSEEK_API_KEY=… spillway dev"
}

// Run serves everything until ctx ends.
func (c devCommand) Run(ctx context.Context, s streams) error {
	cfg, err := config.Read()
	if err != nil {
		return err
	}
	cfg.AdminListen = cmp.Or(c.Admin, cfg.AdminListen)
	cfg = app.DevConfig(cfg)
	sys, err := app.NewEmbedded(cfg, config.NewLog(cfg, s.err))
	if err != nil {
		return err
	}
	defer sys.Stop()
	defer app.TuneMemory(cfg, true)()
	return sys.ServeDev(ctx, func(d app.Dev) { welcome(s.out, d) })
}

// welcome prints where everything is and what to try.
func welcome(w io.Writer, d app.Dev) {
	models := "none: answers come from the scorecards (degraded: true)"
	if len(d.Models) > 0 {
		models = strings.Join(d.Models, ", ")
	}
	header := ""
	if d.Key != "" {
		header = " -H 'Authorization: Bearer " + d.Key + "'"
	}
	fmt.Fprintf(w, `
Spillway is ready. Everything is in memory and gone when this process ends.

  API        %[1]s
  Docs       %[1]s/docs
  Health     %[1]s/health
  Dashboard  %[2]s
  Models     %[3]s
`, d.URL, cmp.Or(d.OperatorsURL, config.Off), models)
	if d.WebhookSecret != "" {
		fmt.Fprintf(w, "  Webhooks   signed with %s\n", d.WebhookSecret)
	}
	fmt.Fprintf(w, `
Try:
  curl -s %[1]s/jobs -H 'Content-Type: application/json' -H 'Prefer: wait=30'%[3]s \
    -d '%[2]s'
`, d.URL, tryBody, header)
}

// tryBody is a job that every installation can run.
const tryBody = `{"agent":"A02","language":"en","input":{"product":"PCR-ABS","authority":"high","budget_allocated":"yes","competitors":"no"}}`
