package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/tasks/store"
)

type unmaskCommand struct {
	ID   string `arg:"" help:"ID of the job."`
	JSON bool   `help:"Print JSON."`
}

// Help gives examples.
func (unmaskCommand) Help() string {
	return writesRedis + "Prints the values that masking replaced in a job, beside the tokens that clouds got in their place. It needs the\n" +
		"SPILLWAY_PRIVACY_KEY of the workers. Maps are kept as long as their jobs. Whoever has the key and reaches Redis\n" +
		"can read them: the audit log has no entry of it.\n\nExamples:\n  spillway unmask job_0190…\n  spillway unmask job_0190… --json"
}

// Run prints the job's map from tokens to values.
func (c unmaskCommand) Run(ctx context.Context, s streams) error {
	cfg, err := config.Read()
	if err != nil {
		return err
	}
	if !cfg.PrivacyKey.Seals() {
		return errors.New("SPILLWAY_PRIVACY_KEY is not set: set it to the key that the workers have")
	}
	return withStore(ctx, func(jobs *store.Store) error {
		sealed, err := jobs.Mask(ctx, c.ID)
		if err != nil {
			return err
		}
		if sealed == nil {
			return fmt.Errorf("no map is kept for %q: the job was not masked, has expired, or ran on workers without SPILLWAY_PRIVACY_KEY", c.ID)
		}
		values, err := cfg.PrivacyKey.Open(sealed, c.ID)
		if err != nil {
			return fmt.Errorf("%w: set SPILLWAY_PRIVACY_KEY to the key that the workers had when the job ran", err)
		}
		if c.JSON {
			return printJSON(s.out, values)
		}
		w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "TOKEN\tVALUE")
		for _, token := range slices.Sorted(maps.Keys(values)) {
			fmt.Fprintf(w, "%s\t%s\n", token, values[token])
		}
		return w.Flush()
	})
}
