package ollama

import (
	"bufio"
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
	"github.com/topcentral/spillway/providers/output"
)

// maxLine bounds one line of a stream, in bytes.
const maxLine = 1 << 20

// chunk is one line of the answer: a piece of it, or an error, and at the end
// the counts. Durations are in nanoseconds.
type chunk struct {
	Message            chatMessage     `json:"message"`
	Done               bool            `json:"done"`
	DoneReason         string          `json:"done_reason"`
	Error              json.RawMessage `json:"error"`
	LoadDuration       time.Duration   `json:"load_duration"`
	PromptEvalCount    int             `json:"prompt_eval_count"`        // cached tokens included (not in 0.30.0)
	PromptEvalCached   int             `json:"prompt_eval_cached_count"` // since 0.34
	PromptEvalDuration time.Duration   `json:"prompt_eval_duration"`
	EvalCount          int             `json:"eval_count"`
	EvalDuration       time.Duration   `json:"eval_duration"`
}

// intake reads one answer.
type intake struct {
	model  string
	schema bool // the answer is bound by a schema
	outbound.Answer

	split output.Splitter
}

// read reads the stream to its end. Beside an error it returns what had come by
// then.
func (in *intake) read(ctx context.Context, body io.Reader) (*providers.Response, error) {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		c, err := decode(lines.Bytes())
		if err != nil {
			return in.response(chunk{}), err
		}
		if text := errorText(c.Error); text != "" {
			return in.response(chunk{}), classify(http.StatusOK, text, in.model)
		}
		in.take(c.Message)
		if c.Done {
			in.finish()
			return in.response(c), nil
		}
	}
	return in.response(chunk{}), in.broken(ctx, lines.Err())
}

// broken says why a stream ended before its last line.
func (in *intake) broken(ctx context.Context, err error) error {
	if errors.Is(err, bufio.ErrTooLong) {
		return providers.Errorf(providers.ClassServer, "a line of the answer is longer than %d bytes", maxLine)
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return outbound.Fault(ctx, err)
}

// decode reads one line of the stream.
func decode(line []byte) (chunk, error) {
	var c chunk
	if err := json.Unmarshal(line, &c); err != nil {
		return chunk{}, providers.Errorf(providers.ClassServer, "the server did not answer in Ollama's format: is it Ollama?").WithCause(err)
	}
	return c, nil
}

func (in *intake) take(m chatMessage) {
	text, reasoning := in.split.Write(m.Content)
	in.Tell(text, m.Thinking+reasoning)
}

// finish takes what was held back. Some releases file an answer that is bound
// by a schema under thinking: it is an answer if it is one JSON value from the
// first byte to the last.
func (in *intake) finish() {
	in.Tell(in.split.Close())
	thought := strings.TrimSpace(in.Reasoning.String())
	if !in.schema || strings.TrimSpace(in.Text.String()) != "" || !json.Valid([]byte(thought)) {
		return
	}
	in.Reasoning.Reset()
	in.Tell(thought, "")
}

func (in *intake) response(last chunk) *providers.Response {
	return &providers.Response{
		Text:      in.Text.String(),
		Reasoning: in.Reasoning.String(),
		Usage: providers.Usage{
			Input:  last.PromptEvalCount,
			Cached: last.PromptEvalCached,
			Output: last.EvalCount,
		},
		Truncated:  last.DoneReason == "length",
		FirstToken: in.FirstToken,
		Load:       last.LoadDuration,
		Prefill:    last.PromptEvalDuration,
		Decode:     last.EvalDuration,
	}
}
