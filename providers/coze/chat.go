package coze

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
	"github.com/topcentral/spillway/providers/internal/wire"
)

// chat is one question and its answer, as Coze keeps it.
type chat struct {
	ID             wire.Text `json:"id"`
	ConversationID wire.Text `json:"conversation_id"`
	BotID          wire.Text `json:"bot_id"`
	Status         wire.Text `json:"status"`
	LastError      problem   `json:"last_error"`
	Usage          usage     `json:"usage"`
}

// The states of a chat. One that requires action waits for the caller to run a
// tool.
const (
	created        = "created"
	inProgress     = "in_progress"
	completed      = "completed"
	failed         = "failed"
	requiresAction = "requires_action"
	canceled       = "canceled"
)

// usage counts tokens.
type usage struct {
	Input  wire.Count `json:"input_count"`
	Output wire.Count `json:"output_count"`
}

func (u usage) tokens() providers.Usage {
	return providers.Usage{Input: int(u.Input), Output: int(u.Output)}
}

// message is one message of a request.
type message struct {
	Role        string `json:"role"`
	Type        string `json:"type"`
	Content     string `json:"content"`
	ContentType string `json:"content_type"`
}

// answered is a message of a chat as Coze sends it.
type answered struct {
	Type        wire.Text `json:"type"`
	Content     wire.Text `json:"content"`
	ContentType wire.Text `json:"content_type"`
	Reasoning   wire.Text `json:"reasoning_content"`
}

// createRequest is the body of POST /v3/chat. A chat that is not streamed must
// keep its history, from which its answer is read.
type createRequest struct {
	BotID    string    `json:"bot_id"`
	UserID   string    `json:"user_id"`
	Messages []message `json:"additional_messages"`
	Stream   bool      `json:"stream"`
	Save     bool      `json:"auto_save_history"`
}

func (p *provider) create(ctx context.Context, req *providers.Request) (*chat, error) {
	bot := cmp.Or(req.Model, p.config.Bot)
	body := createRequest{BotID: cmp.Or(p.config.Aliases[bot], bot), UserID: p.config.User, Save: true}
	body.Messages = conversation(providers.WithSchema(req.Messages, req.Schema))
	c := &chat{}
	if err := p.call(ctx, http.MethodPost, "/v3/chat", nil, body, c); err != nil {
		return nil, err
	}
	if c.ID == "" || c.ConversationID == "" {
		return nil, providers.Errorf(providers.ClassServer, "the response is not in Coze's format: check the base URL")
	}
	return c, nil
}

// conversation converts messages to Coze's form: system messages are put before
// the next user message.
func conversation(all []providers.Message) []message {
	var out []message
	var system strings.Builder
	for _, m := range all {
		switch m.Role {
		case providers.System:
			system.WriteString(m.Content + "\n\n")
		case providers.Assistant:
			out = append(out, message{Role: "assistant", Type: "answer", Content: m.Content, ContentType: "text"})
		default:
			out = append(out, message{Role: "user", Type: "question", Content: system.String() + m.Content, ContentType: "text"})
			system.Reset()
		}
	}
	if system.Len() > 0 {
		out = append(out, message{Role: "user", Type: "question", Content: strings.TrimSpace(system.String()), ContentType: "text"})
	}
	return out
}

// maxMisses is how many consecutive polls may fail: the answer is paid for, and a
// poll costs nothing.
const maxMisses = 3

// wait polls a chat until it has completed. If wait gives up earlier, it cancels
// the chat.
func (p *provider) wait(ctx context.Context, c *chat) error {
	tick := time.NewTicker(p.config.Poll)
	defer tick.Stop()
	for misses := 0; ; {
		if done, err := c.verdict(p.config.Key); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			p.cancel(ctx, c)
			return providers.Canceled(ctx)
		case <-tick.C:
		}
		err := p.call(ctx, http.MethodGet, "/v3/chat/retrieve", c.query(), nil, c)
		misses++
		if err == nil {
			misses = 0
		} else if misses >= maxMisses || !providers.ClassOf(err).Policy().RetrySame {
			p.cancel(ctx, c)
			return err
		}
	}
}

// verdict reports whether a chat has completed, or how it failed.
func (c *chat) verdict(key providers.Secret) (done bool, err error) {
	switch c.Status {
	case completed:
		return true, nil
	case created, inProgress, "":
		return false, nil
	case failed:
		return false, c.LastError.err(http.StatusOK, key)
	case requiresAction:
		return false, providers.Errorf(providers.ClassBadRequest, "bot %s asks the caller to run a tool: publish a bot without local plug-ins", c.BotID)
	case canceled:
		return false, providers.Errorf(providers.ClassServer, "the chat was canceled on Coze's side")
	default:
		return false, providers.Errorf(providers.ClassServer, "the chat has a status that Coze does not document")
	}
}

func (c *chat) query() url.Values {
	return url.Values{"conversation_id": {string(c.ConversationID)}, "chat_id": {string(c.ID)}}
}

// cancelTimeout bounds the request that cancels a chat.
const cancelTimeout = 2 * time.Second

// cancel cancels a chat on the server. Its errors are ignored.
func (p *provider) cancel(ctx context.Context, c *chat) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer stop()
	body := map[string]wire.Text{"conversation_id": c.ConversationID, "chat_id": c.ID}
	_ = p.call(ctx, http.MethodPost, "/v3/chat/cancel", nil, body, &chat{})
}

// messages lists what was said in a chat.
func (p *provider) messages(ctx context.Context, c *chat) ([]answered, error) {
	var all wire.List[answered]
	err := p.call(ctx, http.MethodGet, "/v3/chat/message/list", c.query(), nil, &all)
	return all, err
}

// call makes one request and reads the data of its answer into data.
func (p *provider) call(ctx context.Context, method, path string, query url.Values, body, data any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return providers.Errorf(providers.ClassBadRequest, "the request cannot be encoded as JSON").WithCause(err)
	}
	if body == nil {
		raw = nil
	}
	target := p.config.BaseURL + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(raw))
	if err != nil {
		return providers.Errorf(providers.ClassBadRequest, "the base URL is not valid").WithCause(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if !p.config.Key.IsZero() {
		r.Header.Set("Authorization", "Bearer "+p.config.Key.Reveal())
	}
	resp, err := outbound.Do(p.client, r, outbound.MaxAnswer)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || outbound.BeginsPage(resp) {
		return p.refusal(ctx, resp)
	}
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		return outbound.Classify(ctx, err)
	}
	return open(all, data, p.config.Key)
}
