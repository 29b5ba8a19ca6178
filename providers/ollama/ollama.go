// Package ollama speaks Ollama's native API. Ollama's OpenAI-compatible API cannot
// set the context window, which then depends on the machine, and reports neither
// load time nor speed.
//
// The window is the same for every call of a process, since another one makes
// Ollama reload the model. Requests ask Ollama to reject a prompt that does not
// fit (truncate), and to stop when the window is full (shift) instead of dropping
// the beginning of the prompt. Releases before 0.12.6 ignore both, so the counts
// are checked afterwards as well.
package ollama

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
)

// The defaults of Config.
const (
	DefaultName           = "ollama"
	DefaultBaseURL        = "http://127.0.0.1:11434"
	DefaultNumCtx         = 8192
	DefaultKeepAlive      = 30 * time.Minute
	DefaultThinkingTokens = 4096
)

// Config says how to use one Ollama server. The zero value takes the defaults.
type Config struct {
	Name      string        // the provider's name; default DefaultName
	BaseURL   string        // where the server listens; default DefaultBaseURL
	NumCtx    int           // tokens of prompt and answer together, for every call; default DefaultNumCtx
	KeepAlive time.Duration // how long a model stays loaded after a call; default DefaultKeepAlive, negative: forever

	// ThinkingTokens is how many tokens a model may spend on reasoning, on top of
	// a request's output limit; default DefaultThinkingTokens.
	ThinkingTokens int
	// Think is sent as "think", by model: a bool, or a level such as "low". For
	// other models it is not sent, and those that can reason do. "think": false
	// is avoided because releases up to 0.18 then ignore the schema for some
	// models.
	Think map[string]any
}

// Validate reports every problem with c at once.
func (c Config) Validate() error {
	var problems []error
	if u, err := url.Parse(c.BaseURL); err != nil || (c.BaseURL != "" && (u.Host == "" || !strings.HasPrefix(u.Scheme, "http"))) {
		problems = append(problems, fmt.Errorf("base URL %q: want an http or https URL such as %s", c.BaseURL, DefaultBaseURL))
	}
	if c.NumCtx < 0 {
		problems = append(problems, fmt.Errorf("num_ctx %d: want a positive number of tokens", c.NumCtx))
	}
	if c.ThinkingTokens < 0 {
		problems = append(problems, fmt.Errorf("thinking tokens %d: want 0 or more", c.ThinkingTokens))
	}
	return errors.Join(problems...)
}

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, DefaultName)
	c.BaseURL = strings.TrimRight(cmp.Or(c.BaseURL, DefaultBaseURL), "/")
	c.NumCtx = cmp.Or(c.NumCtx, DefaultNumCtx)
	c.KeepAlive = cmp.Or(c.KeepAlive, DefaultKeepAlive)
	c.ThinkingTokens = cmp.Or(c.ThinkingTokens, DefaultThinkingTokens)
	return c
}

// New returns a provider that calls the server of c through client, which
// should have no time limit of its own: an answer may stream for minutes. c must
// be valid.
func New(c Config, client *http.Client) providers.Provider {
	return &provider{config: c.withDefaults(), client: client}
}

type provider struct {
	config   Config
	client   *http.Client
	grammars grammars
}

func (p *provider) Name() string { return p.config.Name }

func (p *provider) Generate(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
	if remote(req.Model) {
		return nil, providers.Errorf(providers.ClassBadRequest, "%s runs in Ollama's cloud, not on this machine: use a local model", req.Model)
	}
	call := p.request(req)
	size := estimate(call.Messages, p.config.NumCtx)
	if size.atLeast > p.config.NumCtx {
		return nil, overflow(p.config.NumCtx)
	}
	began := time.Now()
	resp, err := p.post(ctx, call)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || outbound.BeginsPage(resp) {
		return nil, p.refusal(ctx, resp, req.Model)
	}
	in := &reader{model: req.Model, schema: len(req.Schema) > 0, Answer: outbound.Answer{Began: began, OnDelta: onDelta}}
	answer, err := in.read(ctx, resp.Body)
	if err == nil && size.cut(answer.Usage.Input, p.config.NumCtx) {
		err = overflow(p.config.NumCtx)
	}
	if err != nil {
		return answer, err
	}
	if strings.TrimSpace(answer.Text) == "" && !answer.Truncated {
		return answer, providers.Errorf(providers.ClassBadOutput, "%s returned a blank answer", req.Model)
	}
	return answer, nil
}

func (p *provider) post(ctx context.Context, call *chatRequest) (*http.Response, error) {
	body, err := json.Marshal(call)
	if err != nil {
		return nil, providers.Errorf(providers.ClassBadRequest, "the request cannot be encoded as JSON").WithCause(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.config.BaseURL+"/api/chat", bytes.NewReader(body))
	if err != nil {
		return nil, providers.Errorf(providers.ClassBadRequest, "the base URL is not valid").WithCause(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return outbound.Do(p.client, r, outbound.MaxAnswer)
}

// remote reports whether a model runs in Ollama's cloud, by its name
// ("gpt-oss:120b-cloud", "glm-5:cloud"). The local server forwards such calls, and
// with them data that must stay on the machine.
func remote(model string) bool {
	return strings.HasSuffix(model, ":cloud") || strings.HasSuffix(model, "-cloud")
}
