package scripted

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// dialect is how an answer is put on the wire.
type dialect interface {
	lane() string
	contentType() string
	piece(w io.Writer, text string)
	end(w io.Writer)
}

// The models that each dialect lists: those that the built-in agents ask for.
const (
	ollamaModels = `{"models":[{"name":"qwen2.5:7b","details":{"family":"qwen2","parameter_size":"7.6B"}},` +
		`{"name":"deepseek-r1:32b","details":{"family":"qwen2","parameter_size":"32.8B"}}]}`
	openaiModels = `{"object":"list","data":[{"id":"gpt-6-luna","object":"model"}]}`
)

func serveJSON(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, body)
	}
}

// ollama is the native API: one JSON object per line.
type ollama struct{}

func (ollama) lane() string        { return "local" }
func (ollama) contentType() string { return "application/x-ndjson" }

func (ollama) piece(w io.Writer, text string) {
	fmt.Fprintf(w, `{"message":{"role":"assistant","content":%s},"done":false}`+"\n", quoted(text))
}

func (ollama) end(w io.Writer) {
	fmt.Fprintln(w, `{"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":900,"eval_count":120}`)
}

// openai is the API of OpenAI: server-sent events.
type openai struct{}

func (openai) lane() string        { return "cloud" }
func (openai) contentType() string { return "text/event-stream" }

func (openai) piece(w io.Writer, text string) {
	fmt.Fprintf(w, `data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":%s}}]}`+"\n\n", quoted(text))
}

func (openai) end(w io.Writer) {
	fmt.Fprint(w, `data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],`+
		`"usage":{"prompt_tokens":900,"completion_tokens":120}}`+"\n\ndata: [DONE]\n\n")
}

func quoted(text string) []byte {
	b, err := json.Marshal(text)
	if err != nil {
		panic(fmt.Sprintf("a string that JSON cannot hold: %v", err)) // there is none
	}
	return b
}
