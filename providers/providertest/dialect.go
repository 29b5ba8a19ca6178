package providertest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/shapes"
)

// Dialect says how a server speaks on the wire.
type Dialect struct {
	Begin func(w http.ResponseWriter)                              // the answer's status and headers
	Piece func(w io.Writer, d providers.Delta)                     // one piece of the answer
	End   func(w io.Writer, usage providers.Usage, truncated bool) // its end
	Fail  func(w http.ResponseWriter, status int, message string)  // an answer that is an error
	List  func(w http.ResponseWriter, models ...string)            // an answer that lists models
	Asked func(body []byte) (model string, schema, stream bool)    // what a request asks for

	// Route, if not nil, turns a script for one answer into the handler of a
	// dialect that needs several requests for it.
	Route func(script http.HandlerFunc) http.HandlerFunc
	Lacks Lacks
	// Shapes are the forms in which servers of the dialect really answer.
	Shapes []shapes.Shape
}

// Lacks is what a dialect has no words for.
type Lacks struct {
	Stream     bool // answers come in one piece
	Cached     bool // cached tokens are not reported separately
	Truncation bool // an answer that was cut off looks like any other
	Models     bool // there is no list of models
}

// Ollama speaks as Ollama 0.40 does at /api/chat and /api/tags.
func Ollama() Dialect {
	return Dialect{
		Shapes: shapes.Ollama(),
		Begin:  func(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/x-ndjson") },
		Piece: func(w io.Writer, d providers.Delta) {
			line(w, "", map[string]any{"message": map[string]any{
				"role": "assistant", "content": d.Text, "thinking": d.Reasoning,
			}, "done": false})
		},
		End: func(w io.Writer, u providers.Usage, truncated bool) {
			reason := "stop"
			if truncated {
				reason = "length"
			}
			line(w, "", map[string]any{
				"message": map[string]any{"role": "assistant", "content": ""}, "done": true, "done_reason": reason,
				"total_duration": 4_000_000_000, "load_duration": 1_000_000_000,
				"prompt_eval_count": u.Input, "prompt_eval_cached_count": u.Cached, "prompt_eval_duration": 500_000_000,
				"eval_count": u.Output, "eval_duration": 2_000_000_000,
			})
		},
		Fail: func(w http.ResponseWriter, status int, message string) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.WriteHeader(status)
			line(w, "", map[string]any{"error": message})
		},
		List: func(w http.ResponseWriter, models ...string) {
			list := make([]any, 0, len(models))
			for _, m := range models {
				list = append(list, map[string]any{"name": m, "model": m, "details": map[string]any{
					"family": "qwen2", "parameter_size": "7.6B",
				}})
			}
			line(w, "", map[string]any{"models": list})
		},
		Asked: func(body []byte) (string, bool, bool) {
			var req struct {
				Model  string          `json:"model"`
				Stream bool            `json:"stream"`
				Format json.RawMessage `json:"format"`
			}
			_ = json.Unmarshal(body, &req)
			return req.Model, len(req.Format) > 0, req.Stream
		},
	}
}

// OpenAI speaks as OpenAI does at /chat/completions and /models.
func OpenAI() Dialect {
	return Dialect{
		Shapes: shapes.OpenAI(),
		Begin:  func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/event-stream") },
		Piece: func(w io.Writer, d providers.Delta) {
			event(w, map[string]any{"choices": []any{map[string]any{"index": 0, "delta": map[string]any{
				"content": d.Text, "reasoning_content": d.Reasoning,
			}, "finish_reason": nil}}, "usage": nil})
		},
		End: func(w io.Writer, u providers.Usage, truncated bool) {
			reason := "stop"
			if truncated {
				reason = "length"
			}
			event(w, map[string]any{"choices": []any{map[string]any{
				"index": 0, "delta": map[string]any{}, "finish_reason": reason,
			}}, "usage": nil})
			event(w, map[string]any{"choices": []any{}, "usage": map[string]any{
				"prompt_tokens": u.Input, "completion_tokens": u.Output, "total_tokens": u.Input + u.Output,
				"prompt_tokens_details":     map[string]any{"cached_tokens": u.Cached},
				"completion_tokens_details": map[string]any{"reasoning_tokens": u.Reasoning},
			}})
			_, _ = io.WriteString(w, "data: [DONE]\n\n")
		},
		Fail: func(w http.ResponseWriter, status int, message string) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			line(w, "", map[string]any{"error": map[string]any{"message": message, "type": "error"}})
		},
		List: func(w http.ResponseWriter, models ...string) {
			list := make([]any, 0, len(models))
			for _, m := range models {
				list = append(list, map[string]any{"id": m, "object": "model"})
			}
			line(w, "", map[string]any{"object": "list", "data": list})
		},
		Asked: func(body []byte) (string, bool, bool) {
			var req struct {
				Model  string          `json:"model"`
				Stream bool            `json:"stream"`
				Format json.RawMessage `json:"response_format"`
			}
			_ = json.Unmarshal(body, &req)
			return req.Model, len(req.Format) > 0 || strings.Contains(string(body), "JSON Schema"), req.Stream
		},
	}
}

func event(w io.Writer, v any) {
	line(w, "data: ", v)
	_, _ = io.WriteString(w, "\n")
}

// line writes v as JSON on a line of its own, and sends it off.
func line(w io.Writer, prefix string, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // only what is written above comes here
	}
	_, _ = fmt.Fprintf(w, "%s%s\n", prefix, raw)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}
