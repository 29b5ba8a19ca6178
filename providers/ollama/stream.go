package ollama

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
	"github.com/topcentral/spillway/providers/internal/wire"
)

// maxLine bounds one line of a stream, in bytes.
const maxLine = 1 << 20

// chunk is one line of the response: a piece of the answer or an error; the last
// one has the counts.
type chunk struct {
	Message            *message        `json:"message"`
	Done               json.RawMessage `json:"done"`
	DoneReason         wire.Text       `json:"done_reason"`
	Error              json.RawMessage `json:"error"`
	LoadDuration       nanoseconds     `json:"load_duration"`
	PromptEvalCount    wire.Count      `json:"prompt_eval_count"`        // cached tokens included (not in 0.30.0)
	PromptEvalCached   wire.Count      `json:"prompt_eval_cached_count"` // since 0.34
	PromptEvalDuration nanoseconds     `json:"prompt_eval_duration"`
	EvalCount          wire.Count      `json:"eval_count"`
	EvalDuration       nanoseconds     `json:"eval_duration"`
}

// message is a piece of an answer.
type message struct {
	Content  wire.Text `json:"content"`
	Thinking wire.Text `json:"thinking"`
}

// nanoseconds is a duration that may come as any number, or as a string.
type nanoseconds time.Duration

// UnmarshalJSON never fails.
func (s *nanoseconds) UnmarshalJSON(raw []byte) error {
	var ns float64
	if json.Unmarshal([]byte(wire.TextOf(raw)), &ns) == nil && ns > 0 && ns < float64(24*time.Hour) {
		*s = nanoseconds(ns)
	}
	return nil
}

// reader reads one response.
type reader struct {
	model  string
	schema bool // the answer is constrained by a schema
	outbound.Answer
}

// read reads the stream to its end. With an error it returns the answer so far.
func (in *reader) read(ctx context.Context, body io.Reader) (*providers.Response, error) {
	lines := wire.NewEvents(body, maxLine)
	for understood, foreign := false, ""; ; {
		line, err := lines.Next()
		if err != nil {
			in.Close(false)
			return in.response(chunk{}), in.broken(ctx, err, understood, cmp.Or(lines.Stray(), foreign))
		}
		if line.Cut {
			continue // broken reports it
		}
		c, err := decode(line.Data)
		if err != nil {
			return in.response(chunk{}), err
		}
		if text, status := errorText(c.Error); text != "" {
			in.Close(false)
			return in.response(chunk{}), classify(cmp.Or(status, http.StatusOK), text, in.model)
		}
		if c.Message != nil {
			in.Write(string(c.Message.Content), string(c.Message.Thinking))
		}
		if understood = understood || c.Message != nil || len(c.Done) > 0; !understood {
			foreign = "an object of another API"
		}
		if wire.TextOf(c.Done) == "true" {
			in.Close(in.schema)
			return in.response(c), in.stopped(c)
		}
	}
}

// stopped returns the failure that the last line reports.
func (in *reader) stopped(last chunk) error {
	if last.DoneReason == "error" {
		return providers.Errorf(providers.ClassServer, "the server stopped before the answer was complete (done reason error)")
	}
	return nil
}

// broken returns why a stream ended before its last line.
func (in *reader) broken(ctx context.Context, err error, understood bool, stray string) error {
	switch {
	case wire.IsLongLine(err):
		return providers.Errorf(providers.ClassServer, "a line of the response exceeds %d bytes", maxLine)
	case !errors.Is(err, io.EOF):
		return outbound.Classify(ctx, err)
	case ctx.Err() != nil:
		return providers.Canceled(ctx)
	case !understood && outbound.IsPage(nil, []byte(stray)):
		return providers.Errorf(providers.ClassServer, "%s", outbound.Page([]byte(stray)))
	case !understood && stray != "":
		return notOllama()
	}
	return outbound.Classify(ctx, io.ErrUnexpectedEOF)
}

func notOllama() *providers.Error {
	return providers.Errorf(providers.ClassServer, "the response is not in Ollama's format: is it Ollama?")
}

// decode reads one line of the stream.
func decode(line []byte) (chunk, error) {
	var c chunk
	if err := wire.Decode(line, &c); err != nil {
		return chunk{}, notOllama().WithCause(err)
	}
	return c, nil
}

func (in *reader) response(last chunk) *providers.Response {
	return &providers.Response{
		Text:      in.Text.String(),
		Reasoning: in.Reasoning.String(),
		Usage: providers.Usage{
			Input:  int(last.PromptEvalCount),
			Cached: int(last.PromptEvalCached),
			Output: int(last.EvalCount),
		},
		Truncated:  last.DoneReason == "length",
		FirstToken: in.FirstToken,
		Load:       time.Duration(last.LoadDuration),
		Prefill:    time.Duration(last.PromptEvalDuration),
		Decode:     time.Duration(last.EvalDuration),
	}
}
