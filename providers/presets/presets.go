// Package presets is the list of services that Spillway knows, as data: where
// they are, which models they have, what they cost and in what they differ. The
// list is presets.yaml, and carries the date of its prices. A file of a user's
// own adds servers in the same words.
package presets

import (
	"bytes"
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/ollama"
	"github.com/topcentral/spillway/providers/openai"
)

//go:embed presets.yaml
var embedded []byte

// Preset describes one service. It is data and not to be changed.
type Preset struct {
	Name         string            `yaml:"name"`    // stable, e.g. "deepseek"
	Title        string            `yaml:"title"`   // for people
	Dialect      Dialect           `yaml:"dialect"` // default OpenAI
	Lane         Lane              `yaml:"lane"`    // default Cloud
	BaseURL      string            `yaml:"base_url"`
	Hosts        map[string]string `yaml:"hosts"`   // other base URLs by short name, e.g. "cn"
	KeyEnv       string            `yaml:"key_env"` // the environment variable that holds the key; "": it needs none
	Model        string            `yaml:"model"`   // the default, one of Models; "" where a user must name it
	Aliases      map[string]string `yaml:"aliases"` // old or other name → one of Models
	Models       []Model           `yaml:"models"`
	Slots        int               `yaml:"slots"`          // calls at once per model of a local server; 0: as many as the worker's
	PeakHoursUTC []Hours           `yaml:"peak_hours_utc"` // on weekdays; see Model.Peak
	Limits       providers.Limits  `yaml:"limits"`         // of a new account
	Quirks       openai.Quirks     `yaml:"quirks"`

	AsOf time.Time `yaml:"-"` // the date of the prices and of all else
}

// Model is one model of a service.
type Model struct {
	Name        string `yaml:"name"`
	Context     int    `yaml:"context"`      // tokens of prompt and answer together
	OutputLimit int    `yaml:"output_limit"` // tokens
	Price       Price  `yaml:"price"`

	Peak *Price     `yaml:"peak"` // in the service's peak hours; nil: no difference
	Long *LongPrice `yaml:"long"` // for long prompts; nil: no difference

	Limits *providers.Limits `yaml:"limits"` // of its own, instead of the preset's; nil: it shares those
	Quirks *openai.Quirks    `yaml:"quirks"` // instead of the preset's; nil: no difference
}

// Hours is a span of hours of the day, To not included.
type Hours struct {
	From int `yaml:"from"`
	To   int `yaml:"to"`
}

// Overrides replace a preset's settings where they are not zero.
type Overrides struct {
	BaseURL string // or the short name of one of Hosts
	Model   string // the model for requests that name none
	NumCtx  int    // tokens of prompt and answer together, for an Ollama server
}

// All returns every preset, sorted by name. It panics if the embedded list is
// broken, which a test rules out.
func All() []Preset {
	all, err := parse(embedded)
	if err != nil {
		panic("presets.yaml: " + err.Error())
	}
	return all
}

// Clouds returns the presets of services that are called over the internet.
func Clouds() []Preset {
	return slices.DeleteFunc(All(), func(p Preset) bool { return p.Lane == Local })
}

// Lookup returns the preset of that name.
func Lookup(name string) (Preset, bool) {
	all := All()
	i := slices.IndexFunc(all, func(p Preset) bool { return p.Name == name })
	if i < 0 {
		return Preset{}, false
	}
	return all[i], true
}

// Resolve returns the service's own name for a model: the default for "", and
// the current name for an old one. A name that the preset does not know is
// returned as it is; services bring out models faster than we learn of them.
func (p Preset) Resolve(model string) string {
	if model == "" {
		return p.Model
	}
	if current, ok := p.Aliases[model]; ok {
		return current
	}
	return model
}

// Lookup returns what is known of a model, under any of its names.
func (p Preset) Lookup(model string) (Model, bool) {
	model = p.Resolve(model)
	i := slices.IndexFunc(p.Models, func(m Model) bool { return m.Name == model })
	if i < 0 {
		return Model{}, false
	}
	return p.Models[i], true
}

// ThinkingTokens is how many tokens a model may write for thinking in addition to its
// answer.
func (p Preset) ThinkingTokens(model string) int {
	m, _ := p.Lookup(model)
	switch {
	case p.Dialect == Ollama && ollama.Thinks(p.Resolve(model)):
		return ollama.DefaultThinkingTokens
	case p.Dialect != OpenAI:
		return 0
	case m.Quirks != nil:
		return m.Quirks.ThinkingTokens
	}
	return p.Quirks.ThinkingTokens
}

// LimitsOf returns what a new account may use of a model, and what has these
// limits: the model, or the service as a whole.
func (p Preset) LimitsOf(model string) (limits providers.Limits, own bool) {
	if m, ok := p.Lookup(model); ok && m.Limits != nil {
		return *m.Limits, true
	}
	return p.Limits, false
}

// file is presets.yaml.
type file struct {
	AsOf    string   `yaml:"as_of"`
	Presets []Preset `yaml:"presets"`
}

func parse(data []byte) ([]Preset, error) {
	var f file
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil {
		return nil, err
	}
	asOf, err := time.Parse(time.DateOnly, f.AsOf)
	if err != nil {
		return nil, fmt.Errorf("as_of: %w", err)
	}
	var problems []error
	seen := make(map[string]bool)
	for i := range f.Presets {
		p := &f.Presets[i]
		p.AsOf, p.Lane, p.Dialect = asOf, cmp.Or(p.Lane, Cloud), cmp.Or(p.Dialect, OpenAI)
		if seen[p.Name] {
			problems = append(problems, fmt.Errorf("preset %q is listed twice", p.Name))
		}
		seen[p.Name] = true
		if err := errors.Join(p.Validate(), p.complete()); err != nil {
			problems = append(problems, fmt.Errorf("preset %q: %w", p.Name, err))
		}
	}
	slices.SortFunc(f.Presets, func(a, b Preset) int { return strings.Compare(a.Name, b.Name) })
	return f.Presets, errors.Join(problems...)
}

// complete reports what a built-in preset must set and a user's need not.
func (p Preset) complete() error {
	if p.Dialect != OpenAI {
		return nil // its models are the user's own
	}
	var problems []error
	for _, m := range p.Models {
		if m.Context <= 0 || m.OutputLimit <= 0 || m.Price.Output <= 0 {
			problems = append(problems, fmt.Errorf("model %q: context, output_limit and price are required", m.Name))
		}
	}
	if _, ok := p.Lookup(p.Model); !ok {
		problems = append(problems, fmt.Errorf("default model %q is not listed", p.Model))
	}
	for alias, model := range p.Aliases {
		_, known := p.Lookup(model)
		if !known || slices.ContainsFunc(p.Models, func(m Model) bool { return m.Name == alias }) {
			problems = append(problems, fmt.Errorf("alias %q: want another name of a listed model", alias))
		}
	}
	return errors.Join(problems...)
}
