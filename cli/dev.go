package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
	"golang.org/x/sync/errgroup"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/worker/webhook"
)

type devCommand struct {
	Dashboard string `default:"127.0.0.1:8081" placeholder:"ADDRESS" help:"Where to serve the queue dashboard (Asynqmon, read-only); keep it on loopback, it has no login."`
}

// Help gives an example.
func (devCommand) Help() string {
	return "Nothing is needed and nothing is kept: Redis is embedded, in memory. Ollama is used if it\n" +
		"answers, and each cloud whose key is set.\n\nExample:\n  DEEPSEEK_API_KEY=… spillway dev"
}

// Run serves everything until ctx ends.
func (c devCommand) Run(ctx context.Context, s streams) error {
	cfg, err := readConfig()
	if err != nil {
		return err
	}
	madeSecret := len(cfg.WebhookSecret) == 0
	if madeSecret {
		cfg.WebhookSecret = []webhook.Secret{webhook.NewSecret()}
	}
	sys, err := openEmbedded(cfg, newLog(cfg, s.err))
	if err != nil {
		return err
	}
	defer sys.close()
	api, err := listen(cfg.APIListen)
	if err != nil {
		return err
	}
	dashboard, err := net.Listen("tcp", c.Dashboard)
	if err != nil {
		return fmt.Errorf("%w; use --dashboard to serve the dashboard elsewhere", err)
	}
	handler, err := sys.api(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serveHTTP(ctx, api, handler, sys.log) })
	group.Go(func() error { return serveHTTP(ctx, dashboard, sys.dashboard(), sys.log) })
	group.Go(func() error {
		return sys.work(ctx, []tasks.Lane{tasks.Local, tasks.Cloud}, func() {
			c.welcome(ctx, s.out, sys, api.Addr().String(), madeSecret)
		})
	})
	return group.Wait()
}

// welcome says where everything is and what to try.
func (c devCommand) welcome(ctx context.Context, w io.Writer, sys *system, api string, madeSecret bool) {
	models := "none: answers come from the scorecards (degraded: true)"
	if reached := sys.models(ctx); len(reached) > 0 {
		models = strings.Join(reached, ", ")
	}
	fmt.Fprintf(w, `
Spillway is ready. Everything is in memory and gone when this process ends.

  API        http://%[1]s
  Health     http://%[1]s/health
  Dashboard  http://%[2]s
  Models     %[3]s
`, api, c.Dashboard, models)
	if madeSecret {
		fmt.Fprintf(w, "  Webhooks   signed with %s\n", sys.cfg.WebhookSecret[0].Reveal())
	}
	fmt.Fprintf(w, `
Try:
  curl -s http://%[1]s/jobs -H 'Content-Type: application/json' -H 'Prefer: wait=30' \
    -d '%[2]s'
`, api, tryBody)
}

// models lists the models that live workers reach, sorted.
func (s *system) models(ctx context.Context) []string {
	workers, err := s.store.Workers(ctx)
	if err != nil {
		return nil
	}
	var all []string
	for _, w := range workers {
		for _, lane := range w.Serves {
			all = append(all, lane.Models...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// tryBody is a job that every installation can run.
const tryBody = `{"agent":"A02","language":"en","input":{"product":"PCR-ABS","authority":"high","budget_allocated":"yes","competitors":"no"}}`

// dashboard returns Asynqmon, which can only look: Spillway's own commands keep
// jobs and tickets in step, and it knows only tickets.
func (s *system) dashboard() http.Handler {
	opts, err := asynq.ParseRedisURI(s.cfg.RedisURL)
	if err != nil {
		return http.NotFoundHandler()
	}
	h := asynqmon.New(asynqmon.Options{RedisConnOpt: opts, ReadOnly: true})
	s.cleanup.add("dashboard", h.Close)
	return http.NewCrossOriginProtection().Handler(h)
}
