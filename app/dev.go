package app

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/worker/webhook"
)

// DevDrain is how long running jobs may go on after Ctrl-C: nothing is kept, so
// there is little to wait for.
const DevDrain = 3 * time.Second

// DevConfig returns the settings of a process on a developer's machine, where
// nothing is kept.
func DevConfig(cfg config.Config) config.Config {
	cfg.HostCPULimit, cfg.HostMemoryLimit = 0, 0 // the developer is what loads the machine
	cfg.WorkerDrain = min(cfg.WorkerDrain, DevDrain)
	if len(cfg.WebhookSecret) == 0 {
		cfg.WebhookSecret = []webhook.Secret{webhook.NewSecret()}
		cfg.WebhookSharedSignature = false // no receiver can have it
	}
	return cfg
}

// Dev is how to use a process that serves everything.
type Dev struct {
	URL           string   // of the API
	OperatorsURL  string   // "" if operators are not served
	Key           string   // API key; "" if callers need none
	WebhookSecret string   // that signs the webhooks of jobs; "" if it is not known
	Models        []string // that can be reached, sorted
}

// ServeDev serves callers and operators and runs jobs until ctx ends. It calls
// ready once jobs are being run.
func (s *App) ServeDev(ctx context.Context, ready func(Dev)) error {
	front, err := s.openFront()
	if err != nil {
		return err
	}
	d := Dev{URL: s.cfg.Scheme() + "://" + front.api.Addr().String()}
	if front.operators != nil {
		d.OperatorsURL = s.cfg.Scheme() + "://" + front.operators.Addr().String()
	}
	if d.Key, err = s.devKey(ctx); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	work, err := s.work([]tasks.Lane{tasks.Local, tasks.Cloud})
	if err != nil {
		return err
	}
	if err := front.serve(ctx, group); err != nil {
		return err
	}
	group.Go(func() error {
		return work(ctx, func() {
			d.Models = s.Models(ctx)
			if d.WebhookSecret, err = s.devSecret(ctx); err != nil {
				s.log.WarnContext(ctx, "read the webhook secret failed; GET /webhooks/secret shows it", "error", err)
			}
			ready(d)
		})
	})
	return group.Wait()
}

// devSecret returns what signs the callbacks of the jobs that are made here.
func (s *App) devSecret(ctx context.Context) (string, error) {
	registry, err := s.endpoints()
	if err != nil {
		return "", err
	}
	secret, err := registry.Secret(ctx, access.DefaultTenant)
	if err != nil {
		return "", err
	}
	return secret.Secret, nil
}

// devKey makes an API key if callers must show one: no command reaches the
// embedded Redis.
func (s *App) devKey(ctx context.Context) (string, error) {
	if !s.cfg.Authenticates() {
		return "", nil
	}
	key, _, err := access.NewKeys(s.rdb).Create(ctx, access.Key{
		Tenant: access.DefaultTenant, Scopes: access.Operator.Scopes(), Name: "dev", CreatedBy: "spillway dev",
	})
	return key, err
}

// Models lists the models that live workers reach, sorted.
func (s *App) Models(ctx context.Context) []string {
	workers, err := s.Store.Workers(ctx)
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
