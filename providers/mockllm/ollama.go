package mockllm

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ollamaErrors are Ollama's errors. It has neither quotas nor keys; those errors
// are a proxy's.
var ollamaErrors = map[Fault]failure{
	RateLimited:     {status: http.StatusTooManyRequests, message: "too many requests"},
	Overloaded:      {status: http.StatusServiceUnavailable, message: "server busy, please try again.  maximum pending requests exceeded"},
	AuthDead:        {status: http.StatusUnauthorized, message: "unauthorized"},
	BadRequest:      {status: http.StatusBadRequest, message: `"{model}" does not support chat`},
	ContextOverflow: {status: http.StatusBadRequest, message: "the input length exceeds the context length"},
	ServerError:     {status: http.StatusInternalServerError, message: "llama runner process has terminated: exit status 2"},
}

// ollamaModels are the models that are installed by default: those of the agents,
// and one for embeddings.
var ollamaModels = []string{"qwen2.5:7b", "deepseek-r1:32b", "nomic-embed-text:latest"}

// ollamaDetails are their details.
var ollamaDetails = map[string]object{
	"qwen2.5:7b":              {"family": "qwen2", "parameter_size": "7.6B", "quantization_level": "Q4_K_M"},
	"deepseek-r1:32b":         {"family": "qwen2", "parameter_size": "32.8B", "quantization_level": "Q4_K_M"},
	"nomic-embed-text:latest": {"family": "nomic-bert", "parameter_size": "137M", "quantization_level": "F16"},
}

// ollama serves Ollama's native API.
func (s *Server) ollama(svc *service) {
	base := Path(Ollama)
	text := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("Ollama is running")) }
	s.mux.HandleFunc("GET "+base, text)
	s.mux.HandleFunc("GET "+base+"/{$}", text)
	s.mux.HandleFunc("GET "+base+"/api/version", func(w http.ResponseWriter, _ *http.Request) {
		sendJSON(w, http.StatusOK, object{"version": "0.40.0"})
	})
	s.mux.HandleFunc("GET "+base+"/api/tags", s.listed(svc, ollamaDialect{}, func() []string { return svc.models(ollamaModels) }, func(w http.ResponseWriter) {
		sendJSON(w, http.StatusOK, object{"models": described(svc.models(ollamaModels))})
	}))
	s.mux.HandleFunc("GET "+base+"/api/ps", func(w http.ResponseWriter, _ *http.Request) {
		sendJSON(w, http.StatusOK, object{"models": described(svc.inMemory())})
	})
	s.mux.HandleFunc("POST "+base+"/api/chat", s.serve(svc, ollamaDialect{svc: svc}))
}

// described returns models as /api/tags and /api/ps list them.
func described(models []string) []object {
	list := []object{}
	for _, m := range models {
		details := ollamaDetails[m]
		if details == nil {
			details = object{"family": "qwen2", "parameter_size": "7.6B"}
		}
		list = append(list, object{
			"name": m, "model": m, "size": int64(5e9), "size_vram": int64(5e9), "digest": "mock", "details": details,
		})
	}
	return list
}

// ollamaDialect reads and writes /api/chat.
type ollamaDialect struct{ svc *service }

type ollamaChat struct {
	Model    string          `json:"model"`
	Messages []message       `json:"messages"`
	Stream   *bool           `json:"stream"`
	Format   json.RawMessage `json:"format"`
	Think    any             `json:"think"`
	Truncate *bool           `json:"truncate"`
	Options  struct {
		NumCtx     int `json:"num_ctx"`
		NumPredict int `json:"num_predict"`
	} `json:"options"`
}

// ollamaWindow is the context of a call that does not choose its own.
const ollamaWindow = 4096

func (d ollamaDialect) read(_ *http.Request, body []byte) (*ask, *refusal) {
	var in ollamaChat
	if err := json.Unmarshal(body, &in); err != nil {
		return &ask{}, &refusal{fault: BadRequest, message: err.Error()}
	}
	a := &ask{
		Ask:    Ask{Model: in.Model, Prompt: joined(in.Messages)},
		stream: in.Stream == nil || *in.Stream, limit: max(0, in.Options.NumPredict),
		room: in.Options.NumCtx, cut: in.Truncate == nil || *in.Truncate,
	}
	if a.room == 0 {
		a.room = ollamaWindow
	}
	a.input = tokens(a.Prompt)
	thinker := strings.Contains(in.Model, "deepseek-r1") || strings.Contains(in.Model, "qwen3")
	a.thinks = thinker && in.Think != false
	switch {
	case in.Model == "":
		return a, &refusal{fault: BadRequest, message: "model is required"}
	case !slices.Contains(d.svc.models(ollamaModels), in.Model):
		return a, &refusal{fault: BadRequest, status: http.StatusNotFound, message: "model '{model}' not found"}
	case in.Think != nil && in.Think != false && !thinker:
		return a, &refusal{fault: BadRequest, message: `"{model}" does not support thinking`}
	}
	return a, a.format(in.Format)
}

// format reads the schema that constrains the answer.
func (a *ask) format(raw json.RawMessage) *refusal {
	text := strings.TrimSpace(string(raw))
	switch {
	case text == "" || text == "null" || text == `""`:
		a.schema = schemaIn(a.Prompt)
	case text == `"json"`:
		if a.schema = schemaIn(a.Prompt); a.schema == nil {
			a.schema = []byte(`{"type":"object"}`)
		}
	case text[0] == '{':
		a.schema = raw
	default:
		return &refusal{fault: BadRequest, message: `invalid format: ` + text + `; expected "json" or a valid JSON Schema object`}
	}
	return nil
}

func (ollamaDialect) refuse(w http.ResponseWriter, a *ask, c refusal) {
	f := c.words(ollamaErrors, a)
	retryAfter(w, c.retry)
	sendJSON(w, f.status, object{"error": f.message})
}

func (ollamaDialect) responder(w http.ResponseWriter, a *ask) responder {
	return &ollamaResponder{stream: stream{w}, a: a}
}

// ollamaResponder writes one JSON object per line, or one for all.
type ollamaResponder struct {
	stream
	a               *ask
	text, reasoning strings.Builder
}

func (v *ollamaResponder) begin(*reply) {
	if v.a.stream {
		v.w.Header().Set("Content-Type", "application/x-ndjson")
		v.send("")
	}
}

func (*ollamaResponder) heartbeat() {} // Ollama is silent while it loads and reads

// ollamaPiece is one line of an answer but the last.
type ollamaPiece struct {
	Model   string        `json:"model"`
	Message ollamaMessage `json:"message"`
	Done    bool          `json:"done"`
}

type ollamaMessage struct {
	Role     string `json:"role"`
	Content  string `json:"content"`
	Thinking string `json:"thinking,omitempty"`
}

func (v *ollamaResponder) piece(text, reasoning string) {
	if v.a.stream {
		v.line(ollamaPiece{Model: v.a.Model, Message: ollamaMessage{"assistant", text, reasoning}})
		return
	}
	v.text.WriteString(text)
	v.reasoning.WriteString(reasoning)
}

func (v *ollamaResponder) end(r *reply) {
	if !v.a.stream {
		v.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	v.line(object{
		"model": v.a.Model, "created_at": r.at.UTC().Format(time.RFC3339Nano),
		"message": ollamaMessage{"assistant", v.text.String(), v.reasoning.String()}, "done": true, "done_reason": r.finish,
		"total_duration": (r.load + r.prefill + r.decode).Nanoseconds(), "load_duration": r.load.Nanoseconds(),
		"prompt_eval_count": r.usage.Input, "prompt_eval_cached_count": r.usage.Cached, "prompt_eval_duration": r.prefill.Nanoseconds(),
		"eval_count": r.usage.Output, "eval_duration": r.decode.Nanoseconds(),
	})
}

func (v *ollamaResponder) broken(c refusal) {
	v.line(object{"error": c.words(ollamaErrors, v.a).message})
}
