package privacy

import (
	"context"
	"errors"
	"slices"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

// Prepare masks a request on its way out: the messages behind the first own of
// them, which are made from the masked input already, and the input itself. The
// error is a *providers.Refusal when a doubt is left; the request must then not
// be sent.
func (m *Mask) Prepare(req *providers.Request, own int) error {
	req.Messages = slices.Clone(req.Messages)
	req.Input = m.input
	for i := range req.Messages {
		msg := &req.Messages[i]
		if msg.Role == providers.System {
			continue // the same for every job, so public
		}
		if i >= own {
			msg.Content = m.Text(msg.Content)
		}
		if err := m.Check(msg.Content); err != nil {
			return &providers.Refusal{Reason: tasks.OutcomeNotMasked, Message: err.Error()}
		}
	}
	return nil
}

// Wrap returns a provider that is asked masked requests and whose answers are
// restored, streamed pieces included. The first own messages of its requests are
// made from the masked input.
func (m *Mask) Wrap(p providers.Provider, own int) providers.Provider {
	return &masked{Provider: p, mask: m, own: own}
}

type masked struct {
	providers.Provider
	mask *Mask
	own  int
}

// Generate implements providers.Provider.
func (p *masked) Generate(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
	out := *req
	if err := p.mask.Prepare(&out, p.own); err != nil {
		refusal, _ := errors.AsType[*providers.Refusal](err)
		return nil, providers.Errorf(providers.ClassBadRequest, "%s", refusal.Message).WithCause(err)
	}
	text, reasoning := p.mask.Stream(), p.mask.stream(false)
	emit := func(d providers.Delta) {
		if d.Text != "" || d.Reasoning != "" {
			onDelta(d)
		}
	}
	resp, err := p.Provider.Generate(ctx, &out, func(d providers.Delta) {
		emit(providers.Delta{Text: text.Write(d.Text), Reasoning: reasoning.Write(d.Reasoning)})
	})
	emit(providers.Delta{Text: text.Close(), Reasoning: reasoning.Close()})
	if resp != nil {
		restored := *resp
		restored.Text, restored.Reasoning = p.mask.RestoreJSON(resp.Text), p.mask.Restore(resp.Reasoning)
		resp = &restored
	}
	return resp, err
}
