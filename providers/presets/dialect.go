package presets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/coze"
	"github.com/topcentral/spillway/providers/ollama"
	"github.com/topcentral/spillway/providers/openai"
)

// Dialect is the API that a service speaks.
type Dialect string

// The dialects.
const (
	OpenAI Dialect = "openai" // chat completions
	Ollama Dialect = "ollama" // its native API
	Coze   Dialect = "coze"
)

// Lane is the lane on which a service is called, and so its privacy.
type Lane string

// The lanes.
const (
	Cloud Lane = "cloud" // over the internet: with limits, a budget and masking
	Local Lane = "local" // on machines of one's own
)

// Host returns the base URL that a user names: a URL, or the short name of
// one of the service's hosts; the preset's own for "".
func (p Preset) Host(name string) string {
	return cmp.Or(p.Hosts[name], name, p.BaseURL)
}

// New returns a provider that calls the service with key through client.
func (p Preset) New(key providers.Secret, client *http.Client, o Overrides) (providers.Provider, error) {
	p.BaseURL, p.Model = p.Host(o.BaseURL), p.Resolve(o.Model)
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("provider %s: %w", p.Name, err)
	}
	switch p.Dialect {
	case Coze:
		c := p.coze(key)
		if err := c.Validate(); err != nil {
			return nil, fmt.Errorf("provider %s: %w", p.Name, err)
		}
		return coze.New(c, client), nil
	case Ollama:
		return p.named(ollama.New(p.ollama(o.NumCtx), client)), nil
	default:
		return p.named(openai.New(p.openAI(key), client)), nil
	}
}

// Validate reports every problem with p at once.
func (p Preset) Validate() error {
	var problems []error
	if p.Lane != Cloud && p.Lane != Local {
		problems = append(problems, fmt.Errorf("lane %q: want %s or %s", p.Lane, Local, Cloud))
	}
	if p.Slots < 0 {
		problems = append(problems, errors.New("slots: want 1 or more"))
	}
	switch p.Dialect {
	case OpenAI:
		problems = append(problems, p.openAI(providers.Secret{}).Validate())
	case Ollama:
		problems = append(problems, p.ollama(0).Validate())
	case Coze: // a bot's ID is the user's to give
		c := p.coze(providers.Secret{})
		c.Bot = cmp.Or(c.Bot, "any")
		problems = append(problems, c.Validate())
	default:
		problems = append(problems, fmt.Errorf("dialect %q: want %s, %s or %s", p.Dialect, OpenAI, Ollama, Coze))
	}
	seen := make(map[string]bool)
	for _, m := range p.Models {
		if seen[m.Name] {
			problems = append(problems, fmt.Errorf("model %q is listed twice", m.Name))
		}
		seen[m.Name] = true
	}
	return errors.Join(problems...)
}

func (p Preset) openAI(key providers.Secret) openai.Config {
	c := openai.Config{Name: p.Name, BaseURL: p.BaseURL, Key: key, Model: p.Model, Aliases: p.Aliases, Quirks: p.Quirks}
	for _, m := range p.Models {
		c.Models = append(c.Models, openai.Model{Name: m.Name, OutputLimit: m.OutputLimit, Quirks: m.Quirks})
	}
	return c
}

func (p Preset) ollama(numCtx int) ollama.Config {
	return ollama.Config{Name: p.Name, BaseURL: p.BaseURL, NumCtx: numCtx}
}

func (p Preset) coze(key providers.Secret) coze.Config {
	return coze.Config{Name: p.Name, BaseURL: p.BaseURL, Key: key, Bot: p.Model, Aliases: p.Aliases}
}

// named lets a local server's models go by other names too, so that an agent's
// model is found under whatever name a server gives it.
func (p Preset) named(served providers.Provider) providers.Provider {
	if p.Lane != Local || len(p.Aliases) == 0 {
		return served
	}
	return aliased{served, p.Aliases}
}

type aliased struct {
	providers.Provider
	names map[string]string // other name → the server's
}

// Models lists what the server has, under all names.
func (a aliased) Models(ctx context.Context) ([]providers.Model, error) {
	models, err := a.Provider.Models(ctx)
	for _, other := range slices.Sorted(maps.Keys(a.names)) {
		i := slices.IndexFunc(models, func(m providers.Model) bool { return m.Name == a.names[other] })
		if i >= 0 {
			m := models[i]
			m.Name = other
			models = append(models, m)
		}
	}
	return models, err
}

func (a aliased) Generate(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
	own := *req
	own.Model = cmp.Or(a.names[req.Model], req.Model)
	return a.Provider.Generate(ctx, &own, onDelta)
}
