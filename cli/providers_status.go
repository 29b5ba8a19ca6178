package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/health"
	"github.com/topcentral/spillway/providers/presets"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

type providersStatusCommand struct {
	JSON bool `help:"Print JSON."`
}

// Help gives examples.
func (providersStatusCommand) Help() string {
	return "Shows the models that the live workers do not call for now, and the providers that they cannot reach: why, since when, until\n" +
		"when, and what to do. Reads Redis at SPILLWAY_REDIS_URL.\n\n" +
		"Examples:\n  spillway providers status\n  spillway providers status --json"
}

// Run prints a line for each model that is left alone.
func (c providersStatusCommand) Run(ctx context.Context, s streams) error {
	return withStore(ctx, func(jobs *store.Store) error {
		workers, err := jobs.Workers(ctx)
		if err != nil {
			return err
		}
		workers = slices.DeleteFunc(workers, func(w tasks.Worker) bool { return w.Leaving })
		if len(workers) == 0 {
			if err := jobs.Writable(ctx); err != nil {
				return fmt.Errorf("it is unknown which models are called: Redis refuses writes, and so the heartbeats of workers; %s", health.WriteAdvice(err))
			}
		}
		left := health.OfProviders(workers)
		if c.JSON {
			enc := json.NewEncoder(s.out)
			enc.SetIndent("", "  ")
			return enc.Encode(left)
		}
		switch {
		case len(workers) == 0:
			fmt.Fprintln(s.out, "no worker is alive, so no model is called; start one with spillway worker")
			return nil
		case len(left) == 0:
			fmt.Fprintf(s.out, "%s alive; every model is called\n", plural(len(workers), "worker"))
			return nil
		}
		return printCircuits(s, left, time.Now())
	})
}

func printCircuits(s streams, left []api.ProviderHealth, now time.Time) error {
	w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "MODEL\tWORKERS\tREASON\tFOR\tAGAIN\tWHAT TO DO")
	for _, h := range left {
		again := "being tried"
		if !strings.Contains(h.Candidate, "/") {
			again = "probed every 5 s"
		}
		if wait := h.RetryAt.Sub(now); wait > 0 {
			again = "in " + span(wait)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", h.Candidate, h.Workers, h.Reason, span(now.Sub(h.Since)), again, h.Detail)
	}
	return w.Flush()
}

type providersResetCommand struct {
	Names []string `arg:"" name:"provider" help:"Providers, such as deepseek."`
}

// Help gives an example.
func (providersResetCommand) Help() string {
	return "Makes every worker call the providers again at once, after a key was corrected or an account topped up.\n" +
		"Writes to Redis at SPILLWAY_REDIS_URL; workers react within two seconds.\n\n" +
		"Example:\n  spillway providers reset deepseek kimi"
}

// Run resets the providers.
func (c providersResetCommand) Run(ctx context.Context, s streams) error {
	return withStore(ctx, func(jobs *store.Store) error {
		workers, err := jobs.Workers(ctx)
		if err != nil {
			return err
		}
		known := knownProviders(workers)
		for _, name := range c.Names {
			if !slices.Contains(known, name) {
				return fmt.Errorf("no worker asks a provider named %q; there are %s", name, strings.Join(known, ", "))
			}
		}
		for _, name := range c.Names {
			if err := jobs.ResetProvider(ctx, name); err != nil {
				return err
			}
			fmt.Fprintf(s.out, "%s: every worker tries it again\n", name)
		}
		return nil
	})
}

// knownProviders lists the presets and what the workers reach or leave alone.
func knownProviders(workers []tasks.Worker) []string {
	var known []string
	for _, p := range presets.Clouds() {
		known = append(known, p.Name)
	}
	for _, w := range workers {
		for _, c := range w.Circuits {
			known = append(known, c.Provider)
		}
		for _, a := range w.Awaits {
			known = append(known, a.Provider)
		}
		for _, l := range w.Serves {
			for _, m := range l.Models {
				provider, _, _ := strings.Cut(m, "/")
				known = append(known, provider)
			}
		}
	}
	slices.Sort(known)
	return slices.Compact(known)
}

// withStore calls use with the jobs of the installation that the settings name.
func withStore(ctx context.Context, use func(*store.Store) error) error {
	cfg, err := config.Read()
	if err != nil {
		return err
	}
	rdb, err := redisconn.Open(cfg.RedisURL, redisconn.API)
	if err != nil {
		return err
	}
	defer rdb.Close() //nolint:errcheck // what was written was acknowledged
	if err := rdb.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("%s: %w", redisconn.Place(cfg.RedisURL), err)
	}
	of := store.DefaultConfig()
	of.Shards = int(cfg.Shards)
	jobs := store.New(rdb, of)
	defer jobs.Close() //nolint:errcheck // it watched nothing
	return use(jobs)
}
