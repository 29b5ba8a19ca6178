package providertest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/shapes"
)

// Coze speaks as Coze does at /v3/chat and below. The script is run when a chat
// is created; what it says comes with the list of messages.
func Coze() Dialect {
	return Dialect{
		Shapes: shapes.Foreign(),
		Begin:  func(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/json; charset=utf-8") },
		Piece: func(w io.Writer, d providers.Delta) {
			if c, ok := w.(*cozeChat); ok {
				c.text, c.reasoning = c.text+d.Text, c.reasoning+d.Reasoning
			}
		},
		End: func(w io.Writer, u providers.Usage, _ bool) {
			if c, ok := w.(*cozeChat); ok {
				c.usage, c.ended = u, true
			}
		},
		Fail: func(w http.ResponseWriter, status int, message string) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.WriteHeader(status)
			line(w, "", map[string]any{"msg": message, "detail": map[string]any{"logid": "2026110112000000"}})
		},
		Asked: func(body []byte) (string, bool, bool) {
			var req struct {
				Bot    string `json:"bot_id"`
				Stream bool   `json:"stream"`
			}
			_ = json.Unmarshal(body, &req)
			return req.Bot, strings.Contains(string(body), "JSON Schema"), req.Stream
		},
		Route: routeCoze,
		Lacks: Lacks{Stream: true, Cached: true, Truncation: true, Models: true},
	}
}

// cozeChat is a chat that a script writes. What the script writes without a word
// of the dialect goes out as it is.
type cozeChat struct {
	http.ResponseWriter
	text, reasoning string
	usage           providers.Usage
	ended, raw      bool
}

func (c *cozeChat) WriteHeader(status int) {
	c.raw = true
	c.ResponseWriter.WriteHeader(status)
}

func (c *cozeChat) Write(b []byte) (int, error) {
	c.raw = true
	return c.ResponseWriter.Write(b)
}

// Flush sends off what was written as it is.
func (c *cozeChat) Flush() {
	if f, ok := c.ResponseWriter.(http.Flusher); ok && c.raw {
		f.Flush()
	}
}

func routeCoze(script http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	var chat *cozeChat
	data := func(w http.ResponseWriter, v any) { line(w, "", map[string]any{"code": 0, "msg": "", "data": v}) }
	status := func(state string, u providers.Usage) map[string]any {
		return map[string]any{"id": "chat_1", "conversation_id": "conversation_1", "bot_id": model, "status": state, "usage": map[string]any{
			"token_count": u.Input + u.Output, "input_count": u.Input, "output_count": u.Output,
		}}
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v3/chat" {
			c := &cozeChat{ResponseWriter: w}
			script(c, r)
			mu.Lock()
			chat = c
			mu.Unlock()
			if !c.raw {
				data(w, status("in_progress", providers.Usage{}))
			}
			return
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case r.URL.Path == "/v3/chat/retrieve":
			data(w, status("completed", chat.usage))
		case r.URL.Path != "/v3/chat/message/list":
			http.NotFound(w, r)
		case !chat.ended:
			panic(http.ErrAbortHandler)
		default:
			data(w, []any{
				map[string]any{"role": "assistant", "type": "answer", "content": chat.text, "content_type": "text", "reasoning_content": chat.reasoning},
				map[string]any{"role": "assistant", "type": "verbose", "content": `{"msg_type":"generate_answer_finish"}`, "content_type": "text"},
				map[string]any{"role": "assistant", "type": "follow_up", "content": "还有什么?", "content_type": "text"},
			})
		}
	}
}
