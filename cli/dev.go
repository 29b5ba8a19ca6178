package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/worker/webhook"
)

type devCommand struct {
	Admin string `placeholder:"ADDRESS" help:"Where to serve operators with the dashboard of the queues, instead of SPILLWAY_ADMIN_LISTEN."`
}

// devDrain is how long running jobs may go on after Ctrl-C: nothing is kept, so
// there is little to wait for.
const devDrain = 3 * time.Second

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
	cfg.AdminListen = cmp.Or(c.Admin, cfg.AdminListen)
	cfg.HostCPULimit, cfg.HostMemoryLimit = 0, 0 // what loads a developer's machine is the developer
	cfg.WorkerDrain = min(cfg.WorkerDrain, devDrain)
	if len(cfg.WebhookSecret) == 0 {
		cfg.WebhookSecret = []webhook.Secret{webhook.NewSecret()}
		cfg.WebhookSharedSignature = false // nobody can have it
	}
	sys, err := openEmbedded(cfg, newLog(cfg, s.err))
	if err != nil {
		return err
	}
	defer sys.close()
	front, err := sys.openFront()
	if err != nil {
		return err
	}
	key, err := sys.devKey(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	work, err := sys.work([]tasks.Lane{tasks.Local, tasks.Cloud})
	if err != nil {
		return err
	}
	if err := front.serve(ctx, group); err != nil {
		return err
	}
	group.Go(func() error {
		return work(ctx, func() { welcome(ctx, s.out, sys, front.api.Addr(), front.operators, key) })
	})
	return group.Wait()
}

// welcome says where everything is and what to try.
func welcome(ctx context.Context, w io.Writer, sys *system, api net.Addr, operators net.Listener, key string) {
	models := "none: answers come from the scorecards (degraded: true)"
	if reached := sys.models(ctx); len(reached) > 0 {
		models = strings.Join(reached, ", ")
	}
	place, header := sys.cfg.scheme()+"://"+api.String(), ""
	if key != "" {
		header = " -H 'Authorization: Bearer " + key + "'"
	}
	dashboard := adminOff
	if operators != nil {
		dashboard = sys.cfg.scheme() + "://" + operators.Addr().String()
	}
	fmt.Fprintf(w, `
Spillway is ready. Everything is in memory and gone when this process ends.

  API        %[1]s
  Docs       %[1]s/docs
  Health     %[1]s/health
  Dashboard  %[2]s
  Models     %[3]s
`, place, dashboard, models)
	if secret, err := sys.devSecret(ctx); err != nil {
		sys.log.WarnContext(ctx, "the secret that signs webhooks is not known; GET /webhooks/secret shows it", "cause", err)
	} else {
		fmt.Fprintf(w, "  Webhooks   signed with %s\n", secret)
	}
	fmt.Fprintf(w, `
Try:
  curl -s %[1]s/jobs -H 'Content-Type: application/json' -H 'Prefer: wait=30'%[3]s \
    -d '%[2]s'
`, place, tryBody, header)
}

// devSecret returns what signs the callbacks of the jobs that are made here.
func (s *system) devSecret(ctx context.Context) (string, error) {
	book, err := s.endpoints()
	if err != nil {
		return "", err
	}
	secret, err := book.Secret(ctx, access.DefaultTenant)
	if err != nil {
		return "", err
	}
	return secret.Secret, nil
}

// devKey makes an API key if callers must show one: no command reaches the
// embedded Redis.
func (s *system) devKey(ctx context.Context) (string, error) {
	if !s.cfg.authenticates() {
		return "", nil
	}
	key, _, err := access.NewKeys(s.rdb).Create(ctx, access.Key{
		Tenant: access.DefaultTenant, Scopes: access.Operator.Scopes(), Name: "dev", CreatedBy: whoami(),
	})
	return key, err
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
