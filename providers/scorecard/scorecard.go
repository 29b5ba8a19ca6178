// Package scorecard lets an agent's deterministic rules answer as any model
// does, so that the last resort takes the same path as the first choice.
package scorecard

import (
	"context"
	"encoding/json"

	"github.com/topcentral/spillway/providers"
)

// The provider's name and its only model, as candidates show them.
const (
	Name  = "scorecard"
	Model = "rules"
)

// Score answers one input of one agent in a language, by rules alone.
type Score func(agent string, input json.RawMessage, language string) (json.RawMessage, error)

// New returns a provider that answers with score. It needs no prompt, uses no
// tokens and streams nothing but the whole answer. An error of score is of class
// bad_request, and its text is shown to operators: asking again would not help.
func New(score Score) providers.Provider { return provider{score} }

type provider struct{ score Score }

func (provider) Name() string { return Name }

func (provider) Models(context.Context) ([]providers.Model, error) {
	return []providers.Model{{Name: Model}}, nil
}

func (p provider) Generate(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
	if ctx.Err() != nil {
		return nil, providers.Canceled(ctx)
	}
	answer, err := p.score(req.Agent, req.Input, req.Language)
	if err != nil {
		return nil, providers.Errorf(providers.ClassBadRequest, "the scorecard of %s cannot answer: %v", req.Agent, err).WithCause(err)
	}
	text := string(answer)
	onDelta(providers.Delta{Text: text})
	return &providers.Response{Text: text}, nil
}
