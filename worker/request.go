package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/output"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// request turns a job into what its candidates are asked.
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
// that leave no doubt are mended and an answer that is only too long is shortened,
// before another call is paid; any other error tells a model what to mend.
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

// record keeps what a candidate did, for the job.
func (a *attempt) record(lane tasks.Lane, r providers.Attempt) {
	call := tasks.Attempt{
		Number: a.job.Attempt, Lane: lane, Worker: a.id,
		Candidate: r.Candidate, Outcome: r.Outcome, Message: r.Message,
		StartedAt: r.StartedAt.UTC().Truncate(time.Millisecond), FirstTokenMS: r.FirstToken.Milliseconds(), DurationMS: r.Duration.Milliseconds(),
		Tokens:    tasks.Tokens{Input: r.Usage.Input, Cached: r.Usage.Cached, Output: r.Usage.Output, Reasoning: r.Usage.Reasoning},
		Estimated: r.Estimated, TokenLimit: r.TokenLimit, Cost: tasks.Money(r.Cost), BudgetLeft: (*tasks.Money)(r.BudgetLeft),
		Breaker: r.Breaker, Next: r.Next,
	}
	if a.version != a.job.AgentVersion {
		call.AgentVersion = a.version
	}
	if r.RetryAfter > 0 {
		call.RetryAt = r.StartedAt.Add(r.Duration + r.RetryAfter).UTC().Truncate(time.Millisecond)
	}
	a.evidence(&call)
	a.records = append(a.records, call)
	a.spend(r.Cost)
	a.journal.note(r)
	if class := providers.Class(r.Outcome); r.Outcome != tasks.OutcomeSucceeded && class.Policy().Whole {
		a.doubt(r.Candidate)
	}
}

// doubt has the provider of a candidate looked at now, so that this worker takes
// no more jobs that it cannot run.
func (a *attempt) doubt(candidate string) {
	provider, _, _ := strings.Cut(candidate, "/")
	a.Fleet.Doubt(provider)
	a.lookSoon()
}
