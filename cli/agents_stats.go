package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"

	"github.com/topcentral/spillway/app"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

type agentsStatsCommand struct {
	ID   string `arg:"" optional:"" help:"ID of the agent; all agents by default."`
	JSON bool   `help:"Print JSON."`
}

// Help gives examples.
func (agentsStatsCommand) Help() string {
	return writesRedis + "An experiment's variants stand below each other; each edit of an agent's folder\n" +
		"starts a new count.\n\nExamples:\n  spillway agents stats A02\n  spillway agents stats --json"
}

// Run prints what has come of the agents' jobs.
func (c agentsStatsCommand) Run(ctx context.Context, s streams) error {
	cfg, err := config.Read()
	if err != nil {
		return err
	}
	sys, err := app.New(ctx, cfg, redisconn.API, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer sys.Stop()
	if _, ok := sys.Agents.Lookup(c.ID); !ok && c.ID != "" {
		return fmt.Errorf("there is no agent %q; \"spillway agents list\" shows them", c.ID)
	}
	tallies := []store.Tally{}
	current := map[string]string{}
	for _, a := range sys.Agents.All() {
		if c.ID != "" && c.ID != a.ID {
			continue
		}
		some, err := sys.Store.Tallies(ctx, a.ID)
		if err != nil {
			return err
		}
		current[a.ID], tallies = a.Version, append(tallies, some...)
	}
	if c.JSON {
		enc := json.NewEncoder(s.out)
		enc.SetIndent("", "  ")
		return enc.Encode(tallies)
	}
	return printTallies(s.out, tallies, current)
}

// printTallies prints a line for each tally. The version that an agent has now is
// marked.
func printTallies(out io.Writer, tallies []store.Tally, current map[string]string) error {
	if len(tallies) == 0 {
		_, err := fmt.Fprintln(out, "no job has run yet")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "AGENT\tVERSION\tVARIANT\tSUCCEEDED\tDEGRADED\tFAILED\tBAD CALLS\tP50\tP95\tTOKENS IN\tOUT\tUSD\tUSD PER ANSWER")
	for _, t := range tallies {
		version := t.Version
		if version == current[t.Agent] {
			version += " *"
		}
		each := "-"
		if t.Succeeded > 0 {
			each = fmt.Sprintf("%.6f", inDollars(t.Cost)/float64(t.Succeeded))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d of %d\t%s\t%s\t%d\t%d\t%.6f\t%s\n",
			t.Agent, version, cmp.Or(t.Variant, "-"), t.Succeeded, t.Degraded, t.Failed, t.FailedCalls, t.Calls,
			counted(t.Median), counted(t.P95),
			t.Tokens.Input, t.Tokens.Output, inDollars(t.Cost), each)
	}
	return w.Flush()
}

// counted shows a quantile of durations, "-" if none was counted.
func counted(d tasks.Duration) string {
	if d == 0 {
		return "-"
	}
	return span(d.Std())
}

func inDollars(m tasks.Money) float64 { return float64(m) / float64(tasks.Dollar) }
