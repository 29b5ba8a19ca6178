package attempt

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/output"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// request returns the request of a job to its candidates.
func request(agent *agents.Agent, j *tasks.Job, input json.RawMessage) (*providers.Request, error) {
	system, user, err := agent.PromptOf(j.Variant, input, j.Language)
	if err != nil {
		return nil, fmt.Errorf("fill the prompt of %s: %w", agent.ID, err)
	}
	return &providers.Request{
		Messages:    []providers.Message{{Role: providers.System, Content: system}, {Role: providers.User, Content: user}},
		Schema:      agent.OutputSchema(),
		SchemaName:  strings.ToLower(agent.ID) + "_result",
		OutputLimit: agent.OutputLimit,
		Temperature: agent.Temperature,
		Agent:       agent.ID, Input: input, Language: string(j.Language),
	}, nil
}

// checkOutput returns the check of an answer against the agent's schema. Slips
// with one reading are corrected and an answer that is only too long is shortened,
// before another call is paid; any other error is shown to the model to correct.
func checkOutput(agent *agents.Agent) func(json.RawMessage) (json.RawMessage, error) {
	return func(answer json.RawMessage) (json.RawMessage, error) {
		if len(agent.CheckOutput(answer)) == 0 {
			return answer, nil
		}
		answer = agent.Shorten(output.Fit(agent.OutputSchema(), answer))
		var errs []error
		for _, f := range agent.CheckOutput(answer) {
			errs = append(errs, fmt.Errorf("at %q: %s", f.Pointer, f.Detail))
		}
		return answer, errors.Join(errs...)
	}
}
