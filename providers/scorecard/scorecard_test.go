package scorecard_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/scorecard"
)

func TestScorecardAnswersByRules(t *testing.T) {
	p := scorecard.New(func(agent string, input json.RawMessage, language string) (json.RawMessage, error) {
		if agent != "A02" {
			return nil, errors.New("no such scorecard")
		}
		return json.RawMessage(`{"in":` + string(input) + `,"language":"` + language + `"}`), nil
	})
	if p.Name() != scorecard.Name {
		t.Errorf("name %q", p.Name())
	}
	if models, err := p.Models(t.Context()); err != nil || len(models) != 1 || models[0].Name != scorecard.Model {
		t.Errorf("models %v, %v", models, err)
	}
	req := &providers.Request{Agent: "A02", Input: json.RawMessage(`{"x":1}`), Language: "zh"}
	var streamed string
	resp, err := p.Generate(t.Context(), req, func(d providers.Delta) { streamed += d.Text })
	if err != nil {
		t.Fatal(err)
	}
	want := providers.Response{Text: `{"in":{"x":1},"language":"zh"}`}
	if *resp != want || streamed != want.Text {
		t.Errorf("got %+v, streamed %q, want %+v", *resp, streamed, want)
	}

	req.Agent = "A99"
	if _, err := p.Generate(t.Context(), req, func(providers.Delta) {}); providers.ClassOf(err) != providers.ClassBadRequest {
		t.Errorf("an agent without one: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Generate(ctx, req, func(providers.Delta) {}); providers.ClassOf(err) != providers.ClassCanceled {
		t.Errorf("an ended context: %v", err)
	}
}
