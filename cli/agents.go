package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/app"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

type agentsCommand struct {
	List  agentsListCommand  `cmd:"" help:"List the agents."`
	Show  agentsShowCommand  `cmd:"" help:"Show an agent: definition, schemas, prompt."`
	Stats agentsStatsCommand `cmd:"" help:"Show the results of the agents' jobs: outcomes, time, tokens, cost, by variant."`
	Test  agentsTestCommand  `cmd:"" help:"Run an agent folder's examples against its scorecard and schemas, and try it on generated inputs."`
	Try   agentsTryCommand   `cmd:"" help:"Run one input through an agent's folder: show the prompt, and the answer of the models as configured."`

	Push     agentsPushCommand     `cmd:"" help:"Check an agent's folder and store it in Redis, from where every API and worker loads it."`
	Versions agentsVersionsCommand `cmd:"" help:"List the agents that were pushed, or the versions of one."`
	Rollback agentsRollbackCommand `cmd:"" help:"Make an earlier version current again."`
	Remove   agentsRemoveCommand   `cmd:"" help:"Remove a pushed agent; its versions are kept."`
}

// catalogue opens the agents that the settings name.
func catalogue(s streams) (*agents.Catalogue, error) {
	cfg, err := config.Read()
	if err != nil {
		return nil, err
	}
	return agents.Open(cfg.AgentsDir, config.NewLog(cfg, s.err))
}

type agentsListCommand struct{}

// Help gives an example.
func (agentsListCommand) Help() string {
	return readsAgents + "Example:\n  SPILLWAY_AGENTS_DIR=./my-agents spillway agents list"
}

// Run prints a line for each agent.
func (agentsListCommand) Run(s streams) error {
	c, err := catalogue(s)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tCOMPLEXITY\tLANES\tTARGET\tVERSION\tTITLE")
	for _, a := range c.All() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s · %s\n",
			a.ID, a.Complexity, commas(a.Lanes), span(a.Target.Std()), a.Version, a.Title[tasks.Chinese], a.Title[tasks.English])
	}
	return w.Flush()
}

type agentsShowCommand struct {
	ID     string `arg:"" help:"ID of the agent."`
	Prompt bool   `help:"Print the prompt alone, as it is written."`
}

// Help gives examples.
func (agentsShowCommand) Help() string {
	return readsAgents + "Examples:\n  spillway agents show A02\n  spillway agents show A02 --prompt"
}

// agentWithPrompt is an agent as its author sees it.
type agentWithPrompt struct {
	api.AgentDefinition
	Prompt  string            `json:"prompt"`            // the file prompt.md
	Prompts map[string]string `json:"prompts,omitempty"` // of variants that have their own
}

// Run prints the agent's definition, schemas and prompt as JSON.
func (c agentsShowCommand) Run(s streams) error {
	all, err := catalogue(s)
	if err != nil {
		return err
	}
	a, ok := all.Lookup(c.ID)
	if !ok {
		return fmt.Errorf("there is no agent %q; \"spillway agents list\" shows them", c.ID)
	}
	if c.Prompt {
		_, err := fmt.Fprint(s.out, a.PromptSource(""))
		return err
	}
	with := agentWithPrompt{AgentDefinition: app.Shown([]*agents.Agent{a})[0], Prompt: a.PromptSource("")}
	for _, v := range a.Variants {
		if v.Prompt != "" {
			if with.Prompts == nil {
				with.Prompts = map[string]string{}
			}
			with.Prompts[v.Name] = a.PromptSource(v.Name)
		}
	}
	enc := json.NewEncoder(s.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(with)
}

type agentsTestCommand struct {
	Dir []string `arg:"" optional:"" type:"existingdir" help:"Agent folders; all agents that are installed by default."`
}

// Help gives examples.
func (agentsTestCommand) Help() string {
	return readsAgents + "Examples:\n  spillway agents test\n  spillway agents test my-agents/b01_my_agent"
}

// Run runs the examples and fails if one of them does.
func (c agentsTestCommand) Run(s streams) error {
	tested, err := c.agents(s)
	if err != nil {
		return err
	}
	failed := 0
	for _, a := range tested {
		failed += report(s.out, a)
	}
	if failed > 0 {
		return fmt.Errorf("%s failed", plural(failed, "check"))
	}
	return nil
}

// agents are those in the folders, or all that are installed.
func (c agentsTestCommand) agents(s streams) ([]*agents.Agent, error) {
	if len(c.Dir) == 0 {
		all, err := catalogue(s)
		if err != nil {
			return nil, err
		}
		return all.All(), nil
	}
	var loaded []*agents.Agent
	var errs []error
	for _, dir := range c.Dir {
		a, err := agents.LoadDir(dir)
		loaded, errs = append(loaded, a), append(errs, err)
	}
	return loaded, errors.Join(errs...)
}

// report prints how an agent's examples went, and returns how many failed.
func report(w io.Writer, a *agents.Agent) (failed int) {
	for _, r := range a.RunExamples() {
		verdict := "ok"
		if r.Err != nil {
			verdict = "FAILED: " + r.Err.Error()
			failed++
		}
		fmt.Fprintf(w, "%s  %-32s %s\n", a.ID, r.Name, verdict)
	}
	return failed
}
