package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/topcentral/spillway/app"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/agentstore"
)

// withPushed runs use on the pushed agents of the Redis that the settings name.
func withPushed(ctx context.Context, use func(*agentstore.Store) error) error {
	cfg, err := config.Read()
	if err != nil {
		return err
	}
	rdb, closeIt, err := app.OpenRedis(ctx, cfg)
	if err != nil {
		return err
	}
	defer closeIt()
	return use(agentstore.New(rdb))
}

type agentsPushCommand struct {
	Dir []string `arg:"" type:"path" help:"Agent folders."`
}

// Help gives examples.
func (agentsPushCommand) Help() string {
	return "Nothing is pushed unless every folder passes what \"spillway agents test\" checks. An agent of the same ID in\n" +
		"SPILLWAY_AGENTS_DIR of a process goes before the pushed one there. Reads and writes Redis directly.\n\n" +
		"Examples:\n  spillway agents push my-agents/b01_my_agent\n  spillway agents rollback B01"
}

// Run checks the folders and pushes them.
func (c agentsPushCommand) Run(ctx context.Context, s streams) error {
	var folders []*agents.Folder
	failed := 0
	for _, dir := range c.Dir {
		folder, err := agents.ReadFolder(dir)
		if err != nil {
			return err
		}
		a, err := agents.LoadDir(dir)
		if err != nil {
			return err
		}
		failed += report(io.Discard, a)
		for _, r := range a.RunExamples() {
			if r.Err != nil {
				fmt.Fprintf(s.err, "%s  %s: %v\n", a.ID, r.Name, r.Err)
			}
		}
		folders = append(folders, folder)
	}
	if failed > 0 {
		return fmt.Errorf("%d checks failed; nothing was pushed", failed)
	}
	return withPushed(ctx, func(pushed *agentstore.Store) error {
		for _, f := range folders {
			v, err := pushed.Push(ctx, f, whoami())
			if err != nil {
				return err
			}
			fmt.Fprintf(s.out, "%s is now version %s in every API and worker\n", v.ID, v.Version)
		}
		return nil
	})
}

type agentsVersionsCommand struct {
	ID string `arg:"" optional:"" help:"ID of the agent; without it, the current version of every pushed agent."`
}

// Help gives examples.
func (agentsVersionsCommand) Help() string {
	return "Reads Redis directly.\n\nExamples:\n  spillway agents versions\n  spillway agents versions B01"
}

// Run prints a line for each version.
func (c agentsVersionsCommand) Run(ctx context.Context, s streams) error {
	return withPushed(ctx, func(pushed *agentstore.Store) error {
		w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tVERSION\tCURRENT\tPUSHED\tBY")
		all, err := c.versions(ctx, pushed)
		if err != nil {
			return err
		}
		for _, v := range all {
			current := ""
			if v.Current {
				current = "yes"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", v.ID, v.Version, current, v.At.Local().Format(time.RFC3339), v.By)
		}
		return w.Flush()
	})
}

func (c agentsVersionsCommand) versions(ctx context.Context, pushed *agentstore.Store) ([]agentstore.Version, error) {
	if c.ID != "" {
		all, err := pushed.Versions(ctx, c.ID)
		if err == nil && len(all) == 0 {
			err = fmt.Errorf("agent %s was never pushed", c.ID)
		}
		return all, err
	}
	current, _, err := pushed.Current(ctx)
	if err != nil {
		return nil, err
	}
	var all []agentstore.Version
	for _, id := range slices.Sorted(maps.Keys(current)) {
		of, err := pushed.Versions(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, slices.DeleteFunc(of, func(v agentstore.Version) bool { return !v.Current })...)
	}
	return all, nil
}

type agentsRollbackCommand struct {
	ID      string `arg:"" help:"ID of the agent."`
	Version string `arg:"" optional:"" help:"The version, or its first digits; the one before the current by default."`
}

// Help gives examples.
func (agentsRollbackCommand) Help() string {
	return "Reads and writes Redis directly.\n\nExamples:\n  spillway agents rollback B01\n  spillway agents rollback B01 63ac95f0"
}

// Run goes back to a version.
func (c agentsRollbackCommand) Run(ctx context.Context, s streams) error {
	return withPushed(ctx, func(pushed *agentstore.Store) error {
		v, err := pushed.Switch(ctx, c.ID, c.Version)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s is now version %s, pushed %s by %s\n", v.ID, v.Version, v.At.Local().Format(time.RFC3339), v.By)
		return nil
	})
}

type agentsRemoveCommand struct {
	ID string `arg:"" help:"ID of the agent."`
}

// Help gives an example.
func (agentsRemoveCommand) Help() string {
	return "A built-in agent of the same ID is in use again. Jobs of an agent that is gone wait until their deadline.\n" +
		"Reads and writes Redis directly.\n\nExample:\n  spillway agents remove B01"
}

// Run takes the agent back.
func (c agentsRemoveCommand) Run(ctx context.Context, s streams) error {
	return withPushed(ctx, func(pushed *agentstore.Store) error {
		was, err := pushed.Remove(ctx, c.ID)
		if err == nil && !was {
			err = errors.New("agent " + c.ID + " is not pushed; \"spillway agents versions\" lists those that are")
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s is removed; \"spillway agents rollback %s\" brings it back\n", c.ID, c.ID)
		return nil
	})
}
