package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
	"github.com/topcentral/spillway/providers/internal/wire"
	"github.com/topcentral/spillway/providers/output"
)

// reader reads one response.
type reader struct {
	key        providers.Secret
	cumulative bool
	schema     bool // the answer is constrained by a schema
	outbound.Answer

	seenText      string // all raw text so far; only for a cumulative stream
	seenReasoning string
	usage         providers.Usage
	understood    bool   // some object was of this API
	foreign       []byte // the first object of another API
	done          bool   // the service has marked the end of the stream
	finish        string // the finish reason, in lower case; "" until there is one
}

// lastWord bounds the time between the finish reason and the end of the stream:
// some servers keep the connection open.
const lastWord = 2 * time.Second

// read reads a whole response, whether it is a stream or one object.
func (in *reader) read(ctx context.Context, body io.Reader) error {
	events := wire.NewEvents(body, outbound.MaxAnswer)
	wait := func() {}
	for !in.done {
		event, err := events.Next()
		switch {
		case errors.Is(err, io.EOF):
			return in.end(events.Stray())
		case wire.IsLongLine(err):
			return providers.Errorf(providers.ClassServer, "a line of the response exceeds %d bytes", outbound.MaxAnswer)
		case err != nil:
			return in.broken(ctx, err)
		}
		finished, had := in.finish != "", in.Text.Len()
		if err := in.event(event); err != nil {
			return err
		}
		switch {
		case finished && in.Text.Len() > had:
			wait() // it was not the end
		case !finished && in.finish != "":
			reset, stop := outbound.Limit(body, lastWord)
			defer stop()
			wait = reset
		}
	}
	return in.end("")
}

// broken returns the error of a stream that broke off; nil if that was after the
// finish reason and the JSON is complete.
func (in *reader) broken(ctx context.Context, err error) error {
	in.Close(in.schema && in.finish != "")
	if _, cut := output.Extract(in.Text.String()); in.finish != "" && cut == nil && ctx.Err() == nil {
		return in.end("")
	}
	if in.finish != "" && errors.Is(err, context.Canceled) && ctx.Err() == nil {
		return providers.Errorf(providers.ClassTransport, "the server reported the end of the answer, but its JSON is incomplete")
	}
	return outbound.Classify(ctx, err)
}

// event reads one event.
func (in *reader) event(e wire.Event) error {
	switch {
	case e.Done():
		in.done = true
		return nil
	case strings.EqualFold(e.Name, "error"):
		return in.take(e.Name, e.Data)
	case e.Cut:
		return nil // end reports it
	case strings.EqualFold(e.Name, "ping"), e.Data[0] != '{' && e.Data[0] != '[':
		return nil // a keep-alive
	}
	for _, object := range wire.Elements(e.Data) {
		if err := in.take(e.Name, object); err != nil {
			return err
		}
	}
	if !json.Valid(e.Data) && wire.Decode(e.Data, new(json.RawMessage)) != nil {
		return garbled()
	}
	return nil
}

func garbled() *providers.Error {
	return providers.Errorf(providers.ClassServer, "the response is not in OpenAI's format")
}

// take reads one object: a piece of the answer, all of it, or a failure.
func (in *reader) take(name string, object []byte) error {
	var c completion
	if err := wire.Decode(object, &c); err != nil && !strings.EqualFold(name, "error") {
		return garbled().WithCause(err)
	}
	if c.failed(name) {
		return c.inside(object, in.key)
	}
	if inner := c.inner(); inner != nil {
		return in.take(name, inner)
	}
	in.understood = in.understood || len(c.Choices) > 0 || !wire.Empty(c.Usage)
	if !in.understood && in.foreign == nil && !wire.Empty(object) && c.Type != "ping" {
		in.foreign = bytes.Clone(object)
	}
	in.count(c.Usage)
	for _, choice := range c.Choices {
		if choice.Index != 0 {
			continue
		}
		in.count(choice.Usage)
		in.piece(choice.piece(in.Text.String(), c.Object == "chat.completion"))
		if finish := choice.finish(); finish != "" {
			in.finish = finish
		}
	}
	return nil
}

// finishes are the finish reasons, in lower case, that denote a failure.
var finishes = map[string]providers.Class{
	"content_filter": providers.ClassContentBlocked,
	"sensitive":      providers.ClassContentBlocked, // Zhipu
	"safety":         providers.ClassContentBlocked, // Google
	"recitation":     providers.ClassContentBlocked,
	"blocklist":      providers.ClassContentBlocked,

	"prohibited_content": providers.ClassContentBlocked,

	"insufficient_system_resource":  providers.ClassOverloaded, // DeepSeek
	"error":                         providers.ClassServer,     // OpenRouter, vLLM
	"network_error":                 providers.ClassServer,     // Zhipu
	"server_error":                  providers.ClassServer,
	"abort":                         providers.ClassServer, // SGLang, vLLM
	"aborted":                       providers.ClassServer,
	"cancelled":                     providers.ClassServer,
	"canceled":                      providers.ClassServer,
	"timeout":                       providers.ClassTimeout,
	"model_context_window_exceeded": providers.ClassContextOverflow,
}

// lengths are the finish reasons of an answer that was cut off at a limit.
var lengths = map[string]bool{"length": true, "max_tokens": true, "max_output_tokens": true, "model_length": true}

// end checks that the answer is complete: a stream may end in good order before
// that. stray is the first line that is not part of an event.
func (in *reader) end(stray string) error {
	in.Close(in.schema)
	class, failed := finishes[in.finish]
	switch {
	case failed && class == providers.ClassContentBlocked:
		return providers.Errorf(class, "the service's content filter stopped the answer")
	case failed:
		return providers.Errorf(class, "the service stopped before the answer was complete (finish reason %s)", outbound.Clean(in.finish))
	case in.finish != "" || in.done:
		return nil
	case in.usage != (providers.Usage{}) && isObject(in.Text.String()):
		return nil // only the end of the stream is missing
	case !in.understood && strings.HasPrefix(stray, "<"):
		return providers.Errorf(providers.ClassServer, "%s", outbound.Page([]byte(stray)))
	case !in.understood && stray != "":
		return providers.Errorf(providers.ClassServer, "the response is not in OpenAI's format: %s", outbound.Clean(stray, in.key))
	case !in.understood && in.foreign != nil:
		if f := parseError(in.foreign, 0); f.Message != "" {
			return newError(http.StatusOK, f, in.key)
		}
		return garbled()
	default:
		return providers.Errorf(providers.ClassTransport, "the stream ended before the answer was complete")
	}
}

// isObject reports whether text is one JSON object or list.
func isObject(text string) bool {
	text = strings.TrimSpace(text)
	return (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) && json.Valid([]byte(text))
}

// piece adds a piece of the answer.
func (in *reader) piece(text, reasoning string) {
	if in.cumulative {
		text = newPart(&in.seenText, text)
		reasoning = newPart(&in.seenReasoning, reasoning)
	}
	in.Write(text, reasoning)
}

// repeated is the length in bytes from which equal pieces count as a repetition,
// and not as the same word twice.
const repeated = 16

// newPart returns the new part of a piece that may repeat the text so far, and
// appends it to seen. MiniMax documents such pieces, but not every deployment
// sends them: a piece is a repetition if it begins with all of seen and goes on,
// which the second piece of a JSON object never does by chance.
func newPart(seen *string, piece string) string {
	rest, again := strings.CutPrefix(piece, *seen)
	if *seen != "" && again && (rest != "" || len(piece) >= repeated) {
		piece = rest
	}
	*seen += piece
	return piece
}

// count records the usage. Some services repeat it with every piece, and some end
// with 0, so the maximum of each count is kept.
func (in *reader) count(raw json.RawMessage) {
	if wire.Empty(raw) {
		return
	}
	var u usage
	_ = wire.Decode(raw, &u)
	t := u.tokens()
	in.usage = providers.Usage{
		Input: max(in.usage.Input, t.Input), Cached: max(in.usage.Cached, t.Cached), CacheWritten: max(in.usage.CacheWritten, t.CacheWritten),
		Output: max(in.usage.Output, t.Output), Reasoning: max(in.usage.Reasoning, t.Reasoning),
	}
}

func (in *reader) response() *providers.Response {
	return &providers.Response{
		Text:       in.Text.String(),
		Reasoning:  in.Reasoning.String(),
		Usage:      in.usage,
		Truncated:  lengths[in.finish],
		FirstToken: in.FirstToken,
	}
}
