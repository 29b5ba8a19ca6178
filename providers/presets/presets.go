// Package presets is the list of cloud services that Spillway knows, as data:
// where they are, which models they have, what they cost and in what they
// differ. The list is presets.yaml, and carries the date of its prices.
package presets

import (
	"bytes"
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/openai"
)

//go:embed presets.yaml
var embedded []byte

// Preset describes one service. It is data and not to be changed.
type Preset struct {
	Name         string            `yaml:"name"`  // stable, e.g. "deepseek"
	Title        string            `yaml:"title"` // for people
	BaseURL      string            `yaml:"base_url"`
	KeyEnv       string            `yaml:"key_env"` // the environment variable that usually holds the key; for documentation
	Model        string            `yaml:"model"`   // the default, one of Models
	Aliases      map[string]string `yaml:"aliases"` // old or other name → one of Models
	Models       []Model           `yaml:"models"`
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
	BaseURL string
	Model   string // the model for requests that name none
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

// Lookup returns the preset of that name.
func Lookup(name string) (Preset, bool) {
	all := All()
	i := slices.IndexFunc(all, func(p Preset) bool { return p.Name == name })
	if i < 0 {
		return Preset{}, false
	}
	return all[i], true
}

// New returns a provider that calls the service with key through client.
func (p Preset) New(key providers.Secret, client *http.Client, o Overrides) (providers.Provider, error) {
	c := p.config(key, o)
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("provider %s: %w", p.Name, err)
	}
	return openai.New(c, client), nil
}

func (p Preset) config(key providers.Secret, o Overrides) openai.Config {
	c := openai.Config{
		Name:    p.Name,
		BaseURL: cmp.Or(o.BaseURL, p.BaseURL),
		Key:     key,
		Model:   p.Resolve(o.Model),
		Aliases: p.Aliases,
		Quirks:  p.Quirks,
	}
	for _, m := range p.Models {
		c.Models = append(c.Models, openai.Model{Name: m.Name, OutputLimit: m.OutputLimit, Quirks: m.Quirks})
	}
	return c
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

// LimitsOf returns what a new account may use of a model, and what has these
// limits: the model by itself, or the service as a whole.
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
		p.AsOf = asOf
		if seen[p.Name] {
			problems = append(problems, fmt.Errorf("preset %q stands twice", p.Name))
		}
		seen[p.Name] = true
		if err := p.validate(); err != nil {
			problems = append(problems, fmt.Errorf("preset %q: %w", p.Name, err))
		}
	}
	slices.SortFunc(f.Presets, func(a, b Preset) int { return strings.Compare(a.Name, b.Name) })
	return f.Presets, errors.Join(problems...)
}

func (p Preset) validate() error {
	problems := []error{p.config(providers.Secret{}, Overrides{}).Validate()}
	seen := make(map[string]bool)
	for _, m := range p.Models {
		if seen[m.Name] {
			problems = append(problems, fmt.Errorf("model %q stands twice", m.Name))
		}
		seen[m.Name] = true
		if m.Context <= 0 || m.OutputLimit <= 0 || m.Price.Output <= 0 {
			problems = append(problems, fmt.Errorf("model %q: context, output_limit and price are required", m.Name))
		}
	}
	if !seen[p.Model] {
		problems = append(problems, fmt.Errorf("default model %q is not listed", p.Model))
	}
	for alias, model := range p.Aliases {
		if !seen[model] || seen[alias] {
			problems = append(problems, fmt.Errorf("alias %q: want another name of a listed model", alias))
		}
	}
	return errors.Join(problems...)
}
