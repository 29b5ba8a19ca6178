package openai

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
	"github.com/topcentral/spillway/providers/internal/wire"
)

// list asks the service for its models. Only their names are needed; everything
// else in the list may have any form.
func (p *provider) list(ctx context.Context) ([]providers.Model, error) {
	d := &doer{client: p.client, key: p.config.Key}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(p.config.BaseURL, "/")+"/models", http.NoBody)
	if err != nil {
		return nil, providers.Errorf(providers.ClassBadRequest, "the base URL is not valid").WithCause(err)
	}
	req.Header.Set("Accept", "application/json")
	if !p.config.Key.IsZero() {
		req.Header.Set("Authorization", "Bearer "+p.config.Key.Reveal())
	}
	if _, err := d.send(req); err != nil { //nolint:bodyclose // d.answer is it, closed below
		return nil, d.callError(ctx, err)
	}
	defer func() { _ = d.answer.Close() }()
	body, err := io.ReadAll(d.answer)
	if err != nil {
		return nil, d.callError(ctx, err)
	}
	return p.read(body)
}

// read reads a list of models.
func (p *provider) read(body []byte) ([]providers.Model, error) {
	names, ok := modelNames(body, 0)
	if ok {
		models := make([]providers.Model, 0, len(names))
		for _, name := range names {
			models = append(models, providers.Model{Name: name, Embedding: strings.Contains(strings.ToLower(name), "embed")})
		}
		return models, nil
	}
	var c completion
	switch {
	case outbound.IsPage(nil, body):
		return nil, providers.Errorf(providers.ClassServer, "%s", outbound.Page(body))
	case wire.Decode(body, &c) == nil && c.failed(""):
		return nil, c.inside(body, p.config.Key)
	}
	return nil, providers.Errorf(providers.ClassServer, "the list of models is not in OpenAI's format: check the base URL, or set static_models")
}

// modelNames returns the names in a list of models, which may be under several
// names; ok is false if there is no list.
func modelNames(body []byte, depth int) (names []string, ok bool) {
	var top json.RawMessage
	if depth > maxDepth || wire.Decode(body, &top) != nil {
		return nil, false
	}
	list := top
	if top[0] == '{' {
		var object struct {
			Data   json.RawMessage `json:"data"`
			Models json.RawMessage `json:"models"`
			List   json.RawMessage `json:"list"`
			Result json.RawMessage `json:"result"`
		}
		_ = wire.Decode(top, &object)
		list = nil
		for _, l := range []json.RawMessage{object.Data, object.Models, object.List, object.Result} {
			if len(l) > 0 && (l[0] == '[' || l[0] == '{') {
				list = l
				break
			}
		}
	}
	if len(list) == 0 {
		return nil, false
	}
	if list[0] == '{' { // a list within
		return modelNames(list, depth+1)
	}
	if list[0] != '[' {
		return nil, false
	}
	elements := wire.Elements(list)
	for _, element := range elements {
		var m struct {
			ID    wire.Text `json:"id"`
			Name  wire.Text `json:"name"`
			Model wire.Text `json:"model"`
			Key   wire.Text `json:"key"`
		}
		_ = wire.Decode(element, &m)
		if name := firstOf(string(m.ID), string(m.Model), string(m.Name), string(m.Key), wire.TextOf(element)); name != "" {
			names = append(names, name)
		}
	}
	return names, len(names) > 0 || len(elements) == 0
}
