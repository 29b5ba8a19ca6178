package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	sdk "github.com/sashabaranov/go-openai"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
	"github.com/topcentral/spillway/providers/output"
)

// intake reads one answer.
type intake struct {
	key        providers.Secret
	cumulative bool
	outbound.Answer

	split         output.Splitter
	seenText      string // all raw text so far, kept only for a cumulative stream
	seenReasoning string
	usage         providers.Usage
	finish        string // the finish reason; "" until there is one
}

// stream makes the call and reads all of the answer into in.
func (p *provider) stream(ctx context.Context, d *doer, req sdk.ChatCompletionRequest, in *intake) error {
	stream, err := p.sdkClient(d).CreateChatCompletionStream(ctx, req)
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }()
	if d.whole != nil {
		return in.takeWhole(d.whole)
	}
	for {
		event, err := stream.RecvRaw()
		switch {
		case errors.Is(err, io.EOF):
			return in.end()
		case err != nil:
			return in.fault(ctx, err)
		}
		if err := in.take(event); err != nil {
			return err
		}
	}
}

// fault says what an error of go-openai's stream means: an error event, or a
// broken connection.
func (in *intake) fault(ctx context.Context, err error) error {
	api, ok := errors.AsType[*sdk.APIError](err)
	if !ok {
		return outbound.Fault(ctx, err)
	}
	return judge(http.StatusOK, fault{Type: api.Type, Code: code(api.Code), Message: api.Message}, in.key)
}

// end checks that the answer is complete: a connection that is closed in good
// order looks to go-openai like the end of the stream.
func (in *intake) end() error {
	in.Tell(in.split.Close())
	switch in.finish {
	case "":
		return providers.Errorf(providers.ClassTransport, "the stream ended before the answer was complete")
	case "content_filter", "sensitive":
		return providers.Errorf(providers.ClassContentBlocked, "the service's filter stopped the answer")
	case "insufficient_system_resource": // DeepSeek
		return providers.Errorf(providers.ClassOverloaded, "the service ran out of resources in the middle of the answer")
	default:
		return nil
	}
}

// take reads one event of the stream.
func (in *intake) take(event []byte) error {
	var c completion
	if err := json.Unmarshal(event, &c); err != nil {
		return providers.Errorf(providers.ClassServer, "the service did not answer in OpenAI's format").WithCause(err)
	}
	if err := c.fault(event, in.key); err != nil {
		return err
	}
	in.count(c.Usage)
	for _, choice := range c.Choices {
		if choice.Index != 0 {
			continue
		}
		in.count(choice.Usage)
		in.piece(choice.Delta)
		if choice.FinishReason != "" {
			in.finish = choice.FinishReason
		}
	}
	return nil
}

// takeWhole reads an answer that came in one piece.
func (in *intake) takeWhole(body []byte) error {
	var c completion
	if err := json.Unmarshal(body, &c); err != nil {
		return providers.Errorf(providers.ClassServer, "the service did not answer in OpenAI's format").WithCause(err)
	}
	if err := c.fault(body, in.key); err != nil {
		return err
	}
	in.count(c.Usage)
	for _, choice := range c.Choices {
		if choice.Index == 0 {
			in.piece(choice.Message)
			in.finish = choice.FinishReason
		}
	}
	return in.end()
}

// piece takes a piece of the answer. A refusal (OpenAI) is text that the model
// writes instead of what was asked for; it is shown, and fails the check.
func (in *intake) piece(m message) {
	text, reasoning := m.Content+m.Refusal, m.reasoning()
	if in.cumulative {
		text = fresh(&in.seenText, text)
		reasoning = fresh(&in.seenReasoning, reasoning)
	}
	answer, inText := in.split.Write(text)
	in.Tell(answer, reasoning+inText)
}

// repeated is the shortest text that we take for a repetition rather than for a
// word said twice, in bytes.
const repeated = 16

// fresh returns what is new in a piece that may repeat all that came before,
// and adds it to seen. MiniMax documents such pieces, but not every deployment
// sends them: a piece is a repetition if it begins with all of seen and goes on,
// which no JSON object's second piece does by chance.
func fresh(seen *string, piece string) string {
	rest, again := strings.CutPrefix(piece, *seen)
	if *seen != "" && again && (rest != "" || len(piece) >= repeated) {
		piece = rest
	}
	*seen += piece
	return piece
}

func (in *intake) count(raw json.RawMessage) {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return
	}
	var u usage
	if json.Unmarshal(raw, &u) == nil {
		in.usage = u.tokens()
	}
}

func (in *intake) response() *providers.Response {
	return &providers.Response{
		Text:       in.Text.String(),
		Reasoning:  in.Reasoning.String(),
		Usage:      in.usage,
		Truncated:  in.finish == "length",
		FirstToken: in.FirstToken,
	}
}
