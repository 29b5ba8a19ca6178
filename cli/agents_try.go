package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/topcentral/spillway/app"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

type agentsTryCommand struct {
	Dir      string         `arg:"" type:"existingdir" help:"The agent's folder."`
	File     string         `short:"f" required:"" placeholder:"FILE" help:"The input as JSON; - for standard input. The file of an example works, too."`
	Model    []string       `placeholder:"CANDIDATE" help:"Models to call, as provider or provider/model, separated by commas; by default those that production would call."`
	Language tasks.Language `enum:"zh,en" default:"zh" placeholder:"LANG" help:"Language of the answer: zh or en."`
	Timeout  time.Duration  `default:"5m" help:"How long to wait for the answer."`
	Verbose  bool           `short:"v" help:"Show the log."`
}

// Help gives examples.
func (agentsTryCommand) Help() string {
	return "The input runs through everything that a job runs through, masking included, on an embedded Redis: nothing is\n" +
		"kept, and no other process is needed. Clouds whose keys are set may be asked, and charge for it. Where no model\n" +
		"can be reached the scorecard answers. Prompt and attempts go to standard error, the answer to standard output.\n\n" +
		"Examples:\n  spillway agents try my-agents/b01_my_agent -f my-agents/b01_my_agent/examples/steady.json\n" +
		"  spillway agents try my-agents/b01_my_agent -f my-agents/b01_my_agent/examples/steady.json --model deepseek --language en"
}

// Run shows the prompt, runs the job, and shows what came of it.
func (c agentsTryCommand) Run(ctx context.Context, s streams) error {
	folder, err := agents.ReadFolder(c.Dir)
	if err != nil {
		return err
	}
	agent, err := agents.LoadDir(c.Dir)
	if err != nil {
		return err
	}
	input, err := c.input(s.in)
	if err != nil {
		return err
	}
	if faults := agent.CheckInput(input); len(faults) > 0 {
		return inputFaults(faults)
	}
	system, user, err := agent.Prompt(input, c.Language)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "--- system\n%s\n--- user (before masking)\n%s\n", system, user)
	j, err := c.job(ctx, s, folder, agent, input)
	if err != nil {
		return err
	}
	for _, a := range j.Attempts {
		fmt.Fprintf(s.err, "--- %s: %s in %v, %d tokens in, %d out, $%s %s\n", a.Candidate, a.Outcome,
			time.Duration(a.DurationMS)*time.Millisecond, a.Tokens.Input, a.Tokens.Output, a.Cost, a.Message)
	}
	if j.State != tasks.Succeeded {
		return fmt.Errorf("the job %s: %w", j.State, j.Error)
	}
	if j.Degraded {
		fmt.Fprintln(s.err, "--- no model answered; this is the scorecard's answer")
	}
	enc := json.NewEncoder(s.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(j.Result)
}

// input reads the input, which may be in the file of an example.
func (c agentsTryCommand) input(in io.Reader) (json.RawMessage, error) {
	const most = 16 << 20
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // only read
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return nil, fmt.Errorf("read the input: %w", err)
	}
	var example struct {
		Input  json.RawMessage `json:"input"`
		Expect json.RawMessage `json:"expect"`
	}
	if json.Unmarshal(data, &example) == nil && example.Input != nil && example.Expect != nil {
		return example.Input, nil
	}
	return data, nil
}

func inputFaults(faults []tasks.Fault) error {
	errs := []error{errors.New("the input does not fit the agent's input schema")}
	for _, f := range faults {
		errs = append(errs, fmt.Errorf("at %q: %s", f.Pointer, f.Detail))
	}
	return errors.Join(errs...)
}

// job runs the input as a job on an embedded system.
func (c agentsTryCommand) job(ctx context.Context, s streams, folder *agents.Folder, agent *agents.Agent, input json.RawMessage) (*tasks.Job, error) {
	cfg, err := config.Read()
	if err != nil {
		return nil, err
	}
	if !c.Verbose {
		cfg.LogLevel = slog.LevelError
	}
	cfg.AgentsDir = "" // or it would go before the folder
	cfg = app.JobConfig(cfg)
	sys, err := app.NewEmbedded(cfg, config.NewLog(cfg, s.err))
	if err != nil {
		return nil, err
	}
	defer sys.Stop()
	return sys.RunOne(ctx, folder, &tasks.Submission{
		Agent: agent.ID, Input: input, Language: c.Language, Candidates: c.Model, Deadline: time.Now().Add(c.Timeout),
	})
}
