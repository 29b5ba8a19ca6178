// Package coze speaks the chat API of Coze, where a model is a bot that was
// built and published there: its ID takes the place of a model's name.
//
// The API is asynchronous: a chat is created, polled once a second until it has
// ended, and then its messages are listed. A chat whose caller has gone is
// canceled, since it costs money while it runs. This package does not stream, and
// the API has no JSON mode, no output limit and no system message: instructions
// and schema go into the user's message, everything else is configured in the
// bot. Failures come as {code, msg}, mostly with HTTP status 200.
package coze

import (
	"cmp"
	"context"
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
	DefaultName    = "coze"
	DefaultBaseURL = "https://api.coze.cn"
	DefaultUser    = "spillway"
	DefaultPoll    = time.Second
)

// Config says how to use Coze.
type Config struct {
	Name    string           // the provider's name; default DefaultName
	BaseURL string           // default DefaultBaseURL
	Key     providers.Secret // a personal access token
	Bot     string           // ID of the bot for requests that name none
	Aliases map[string]string
	User    string        // the user ID sent to Coze, the same for all calls; default DefaultUser
	Poll    time.Duration // the interval between polls of a chat; default DefaultPoll
}

// Validate reports every problem with c at once.
func (c Config) Validate() error {
	var problems []error
	if u, err := url.Parse(c.BaseURL); err != nil || (c.BaseURL != "" && (u.Host == "" || !strings.HasPrefix(u.Scheme, "http"))) {
		problems = append(problems, fmt.Errorf("base URL: want an http or https URL such as %s", DefaultBaseURL))
	}
	if c.Bot == "" {
		problems = append(problems, errors.New("model: want the ID of a bot that is published with the API channel"))
	}
	if c.Poll < 0 {
		problems = append(problems, errors.New("poll: want a positive duration"))
	}
	return errors.Join(problems...)
}

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, DefaultName)
	c.BaseURL = strings.TrimRight(cmp.Or(c.BaseURL, DefaultBaseURL), "/")
	c.User = cmp.Or(c.User, DefaultUser)
	c.Poll = cmp.Or(c.Poll, DefaultPoll)
	return c
}

// New returns a provider that calls Coze through client. c must be valid.
func New(c Config, client *http.Client) providers.Provider {
	return &provider{c.withDefaults(), client}
}

type provider struct {
	config Config
	client *http.Client
}

func (p *provider) Name() string { return p.config.Name }

// Models returns the default bot. It does not ask Coze, since a token that may
// chat need not have the right to list bots.
func (p *provider) Models(ctx context.Context) ([]providers.Model, error) {
	if ctx.Err() != nil {
		return nil, providers.Canceled(ctx)
	}
	return []providers.Model{{Name: p.config.Bot}}, nil
}

func (p *provider) Generate(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
	if ctx.Err() != nil {
		return nil, providers.Canceled(ctx)
	}
	c, err := p.create(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := p.wait(ctx, c); err != nil {
		return &providers.Response{Usage: c.Usage.tokens()}, err
	}
	messages, err := p.messages(ctx, c)
	if err != nil {
		return &providers.Response{Usage: c.Usage.tokens()}, err
	}
	answer := read(messages, len(req.Schema) > 0, onDelta)
	answer.Usage = c.Usage.tokens()
	if strings.TrimSpace(answer.Text) == "" {
		return answer, providers.Errorf(providers.ClassBadOutput, "bot %s returned a blank answer", c.BotID)
	}
	return answer, nil
}

// read collects the answer from a chat's messages, which also contain the bot's
// intermediate steps and follow-up suggestions.
func read(messages []answered, schema bool, onDelta func(providers.Delta)) *providers.Response {
	in := outbound.Answer{OnDelta: onDelta}
	for _, m := range messages {
		if m.Type == "answer" && (m.ContentType == "" || m.ContentType == "text") {
			in.Write(string(m.Content), string(m.Reasoning))
		}
	}
	in.Close(schema)
	return &providers.Response{Text: in.Text.String(), Reasoning: in.Reasoning.String()}
}
