// Package openai speaks the chat completions API that OpenAI introduced and many
// services copied, each with quirks of its own. The differences are data: a Config
// describes one service.
//
// go-openai writes the requests. A doer of ours below it adds body fields that
// go-openai does not know, and a temperature of 0. Responses are read here, since
// services follow the format only roughly.
package openai

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	sdk "github.com/sashabaranov/go-openai"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
)

// JSONMode is how a service is asked for JSON.
type JSONMode string

// The JSON modes. In all but JSONSchema the schema is written into the prompt,
// because the model does not get it otherwise.
const (
	JSONNone   JSONMode = "none"        // by the prompt alone
	JSONObject JSONMode = "json_object" // any JSON object; the prompt must contain the word "json"
	JSONSchema JSONMode = "json_schema" // bound by the schema
)

// The names of the field that limits the output.
const (
	MaxTokens           = "max_tokens"
	MaxCompletionTokens = "max_completion_tokens"
)

// Quirks are the differences of a service from OpenAI's API.
type Quirks struct {
	JSONMode       JSONMode       `yaml:"json_mode"`        // default JSONNone
	MaxTokensField string         `yaml:"max_tokens_field"` // default MaxTokens
	Temperature    *Range         `yaml:"temperature"`      // the range it accepts; nil: do not send it
	ExtraBody      map[string]any `yaml:"extra_body"`       // fields sent with every call, such as thinking
	ChatPath       string         `yaml:"chat_path"`        // where questions go, below the base URL; default /chat/completions

	// SchemaInPrompt writes the schema into the prompt also where the server is
	// to enforce it, for servers that may not.
	SchemaInPrompt bool `yaml:"schema_in_prompt"`

	// ThinkingTokens is added to a request's output limit, where the service
	// counts thinking as output.
	ThinkingTokens int `yaml:"thinking_tokens"`
	// Cumulative says that pieces of a stream may repeat all that came before
	// (MiniMax with reasoning_split).
	Cumulative bool `yaml:"cumulative"`
	// OmitStreamOptions omits stream_options, for servers that reject it. They must
	// send the usage without being asked.
	OmitStreamOptions bool `yaml:"omit_stream_options"`
	// StaticModels says that the service does not list its models.
	StaticModels bool `yaml:"static_models"`
}

// Range bounds a setting; values outside are moved to the nearer end.
type Range struct {
	Min float64 `yaml:"min"`
	Max float64 `yaml:"max"`
}

// Config describes one service.
type Config struct {
	Name    string            // the provider's name
	BaseURL string            // up to and without /chat/completions
	Key     providers.Secret  // sent as a bearer token; none is sent when it is zero
	Model   string            // the model for requests that name none
	Aliases map[string]string // other names for models, old ones for instance
	Models  []Model           // what the service is known to serve; it may serve more
	Quirks  Quirks
}

// Model describes one model of a service.
type Model struct {
	Name        string
	OutputLimit int     // the most tokens that may be asked for; 0: not known
	Quirks      *Quirks // instead of the service's; nil: as the service
}

// Validate reports every problem with c at once.
func (c Config) Validate() error {
	var problems []error
	if c.Name == "" {
		problems = append(problems, errors.New("name: missing"))
	}
	if u, err := url.Parse(c.BaseURL); err != nil || u.Host == "" || !strings.HasPrefix(u.Scheme, "http") {
		problems = append(problems, errors.New("base URL: want an http or https URL such as https://api.example.com/v1"))
	}
	problems = append(problems, c.Quirks.validate())
	for _, m := range c.Models {
		if m.Quirks == nil {
			continue
		}
		if err := m.Quirks.validate(); err != nil {
			problems = append(problems, fmt.Errorf("model %s: %w", m.Name, err))
		}
	}
	return errors.Join(problems...)
}

func (q Quirks) validate() error {
	var problems []error
	if !slices.Contains([]JSONMode{"", JSONNone, JSONObject, JSONSchema}, q.JSONMode) {
		problems = append(problems, fmt.Errorf("json_mode %q: want %s, %s or %s", q.JSONMode, JSONNone, JSONObject, JSONSchema))
	}
	if !slices.Contains([]string{"", MaxTokens, MaxCompletionTokens}, q.MaxTokensField) {
		problems = append(problems, fmt.Errorf("max_tokens_field %q: want %s or %s", q.MaxTokensField, MaxTokens, MaxCompletionTokens))
	}
	if q.ChatPath != "" && !strings.HasPrefix(q.ChatPath, "/") {
		problems = append(problems, fmt.Errorf("chat_path %q: want a path such as /chat/completions", q.ChatPath))
	}
	if r := q.Temperature; r != nil && r.Min > r.Max {
		problems = append(problems, errors.New("temperature: min is above max"))
	}
	return errors.Join(problems...)
}

// New returns a provider that calls the service of c through client, which
// should have no time limit of its own. c must be valid.
func New(c Config, client *http.Client) providers.Provider {
	return &provider{config: c, client: client}
}

type provider struct {
	config  Config
	client  *http.Client
	refused refusals
}

func (p *provider) Name() string { return p.config.Name }

// sdkClient returns a go-openai client for one call through d.
func (p *provider) sdkClient(d *doer) *sdk.Client {
	c := sdk.DefaultConfig(p.config.Key.Reveal())
	c.BaseURL = p.config.BaseURL
	c.HTTPClient = d
	return sdk.NewClientWithConfig(c)
}

func (p *provider) Generate(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
	model := p.model(req.Model)
	refused := p.refused.of(model, req)
	answer, d, err := p.ask(ctx, model, req, refused, onDelta)
	if more := d.refusedFields(model, req, refused, err); more != 0 && ctx.Err() == nil {
		answer, _, err = p.ask(ctx, model, req, refused|more, onDelta)
		if class := providers.ClassOf(err); err == nil || class == providers.ClassBadOutput {
			p.refused.remember(model, more, req)
		}
	}
	return answer, err
}

// ask makes one call, without the fields that the service has rejected.
func (p *provider) ask(ctx context.Context, model Model, req *providers.Request, without fields, onDelta func(providers.Delta)) (*providers.Response, *doer, error) {
	model = without.from(model)
	d := &doer{client: p.client, key: p.config.Key, extra: model.fields(req), path: model.Quirks.ChatPath}
	in := &reader{key: p.config.Key, cumulative: model.Quirks.Cumulative, schema: len(req.Schema) > 0, Answer: outbound.Answer{Began: time.Now(), OnDelta: onDelta}}
	err := p.stream(ctx, d, model.request(req), in)
	answer := in.response()
	if err != nil {
		return answer, d, d.callError(ctx, err)
	}
	if strings.TrimSpace(answer.Text) == "" && !answer.Truncated {
		return answer, d, providers.Errorf(providers.ClassBadOutput, "%s returned a blank answer", model.Name)
	}
	return answer, d, nil
}

// stream makes the call and reads the whole response into in. go-openai only
// writes the request.
func (p *provider) stream(ctx context.Context, d *doer, req sdk.ChatCompletionRequest, in *reader) error {
	unread, err := p.sdkClient(d).CreateChatCompletionStream(ctx, req)
	if err != nil {
		return err
	}
	defer func() { _ = unread.Close() }()
	defer func() { _ = d.answer.Close() }()
	return in.read(ctx, d.answer)
}

// model returns the description of a model, by any of its names. Its Quirks are
// never nil.
func (p *provider) model(name string) Model {
	name = cmp.Or(name, p.config.Model)
	name = cmp.Or(p.config.Aliases[name], name)
	m := Model{Name: name}
	if i := slices.IndexFunc(p.config.Models, func(m Model) bool { return m.Name == name }); i >= 0 {
		m = p.config.Models[i]
	}
	m.Quirks = cmp.Or(m.Quirks, &p.config.Quirks)
	return m
}

// Models asks the service for its models, or returns the configured ones.
func (p *provider) Models(ctx context.Context) ([]providers.Model, error) {
	if p.config.Quirks.StaticModels {
		models := make([]providers.Model, 0, len(p.config.Models))
		for _, m := range p.config.Models {
			models = append(models, providers.Model{Name: m.Name})
		}
		return models, nil
	}
	return p.list(ctx)
}
