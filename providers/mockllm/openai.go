package mockllm

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// completionRequest is the body of POST /chat/completions, with the fields that
// any of the services knows.
type completionRequest struct {
	Model    string    `json:"model"`
	Messages []message `json:"messages"`
	Stream   bool      `json:"stream"`
	Format   *struct {
		Type   string `json:"type"`
		Schema struct {
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
	MaxTokens           *int     `json:"max_tokens"`
	MaxCompletionTokens *int     `json:"max_completion_tokens"`
	Temperature         *float64 `json:"temperature"`
	TopP                *float64 `json:"top_p"`
	N                   *int     `json:"n"`
	PresencePenalty     *float64 `json:"presence_penalty"`
	FrequencyPenalty    *float64 `json:"frequency_penalty"`
	Thinking            *struct {
		Type string `json:"type"`
	} `json:"thinking"`
	EnableThinking  *bool  `json:"enable_thinking"`
	ReasoningEffort string `json:"reasoning_effort"`
	ReasoningSplit  bool   `json:"reasoning_split"`
	StreamOptions   struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

// openAILike serves the chat completions API of one service, also below the /v1
// that some callers add.
func (s *Server) openAILike(svc *service, f *variant) {
	d := openAIDialect{svc, f}
	bases := []string{Path(svc.name)}
	if !strings.HasSuffix(bases[0], "/v1") {
		bases = append(bases, bases[0]+"/v1")
	}
	for _, base := range bases {
		s.mux.HandleFunc("POST "+base+"/chat/completions", s.serve(svc, d))
		s.mux.HandleFunc("GET "+base+"/models", s.modelList(svc, d))
	}
}

// modelList answers GET /models.
func (s *Server) modelList(svc *service, d openAIDialect) http.HandlerFunc {
	return s.listed(svc, d, func() []string { return svc.models(d.models) }, func(w http.ResponseWriter) {
		list := []object{}
		for _, m := range svc.models(d.models) {
			list = append(list, object{"id": m, "object": "model", "owned_by": svc.name})
		}
		sendJSON(w, http.StatusOK, object{"object": "list", "data": list})
	})
}

// openAIDialect reads and writes chat completions in the way of one service.
type openAIDialect struct {
	svc *service
	*variant
}

func (d openAIDialect) read(r *http.Request, body []byte) (*ask, *refusal) {
	in := &completionRequest{}
	if err := json.Unmarshal(body, in); err != nil {
		return &ask{}, &refusal{fault: BadRequest, message: "the body is not JSON: " + err.Error()}
	}
	a := &ask{Ask: Ask{Model: in.Model, Prompt: joined(in.Messages)}, stream: in.Stream, protocol: in}
	a.input = tokens(a.Prompt)
	for _, limit := range []*int{in.MaxTokens, in.MaxCompletionTokens} {
		if limit != nil {
			a.limit = *limit
		}
	}
	a.thinks = d.thinks(in)
	a.schema = schemaIn(a.Prompt)
	if a.schema == nil && in.Format != nil {
		a.schema = []byte(`{"type":"object"}`)
	}
	if in.Format != nil && len(in.Format.Schema.Schema) > 0 {
		a.schema = in.Format.Schema.Schema
	}
	switch {
	case !authorized(r):
		return a, &refusal{fault: AuthDead}
	case len(in.Messages) == 0:
		return a, &refusal{fault: BadRequest, message: "messages: at least one is required"}
	case !slices.Contains(d.svc.models(d.models), in.Model):
		unknown := d.unknown
		return a, &unknown
	}
	return a, d.check(in, a)
}

// authorized reports whether a request has a key. Which one does not matter.
func authorized(r *http.Request) bool {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && strings.TrimSpace(key) != ""
}

func (d openAIDialect) refuse(w http.ResponseWriter, a *ask, c refusal) {
	f := c.words(d.errors, a)
	if f.status != http.StatusOK {
		retryAfter(w, c.retry)
	}
	if c.fault == RateLimited && d.headers != nil {
		d.headers(w.Header(), max(1, c.retry))
	}
	sendJSON(w, f.status, d.shape(f))
}

func (d openAIDialect) responder(w http.ResponseWriter, a *ask) responder {
	if a.stream {
		return &eventResponder{stream: stream{w}, openAIDialect: d, a: a}
	}
	return &wholeResponder{stream: stream{w}, openAIDialect: d, a: a}
}

// eventResponder writes server-sent events.
type eventResponder struct {
	stream
	openAIDialect
	a               *ask
	r               *reply
	text, reasoning string // so far, for services that repeat it
}

func (v *eventResponder) begin(r *reply) {
	v.r = r
	v.w.Header().Set("Content-Type", "text/event-stream")
	v.send("")
}

func (v *eventResponder) heartbeat() {
	if v.keepAlive {
		v.send(": keep-alive\n\n")
	}
}

func (v *eventResponder) chunk(choices []object, usage any) object {
	return object{
		"id": v.r.id, "object": "chat.completion.chunk", "created": v.r.at.Unix(), "model": v.a.Model,
		"choices": choices, "usage": usage,
	}
}

func (v *eventResponder) piece(text, reasoning string) {
	v.text += text
	v.reasoning += reasoning
	delta := v.delta(v.a, text, reasoning, v.text, v.reasoning)
	if delta == nil {
		return
	}
	v.event(v.chunk([]object{{"index": 0, "delta": delta, "finish_reason": nil}}, nil))
}

func (v *eventResponder) end(r *reply) {
	choice := object{"index": 0, "delta": object{}, "finish_reason": r.finish}
	if v.usageInChoice { // Kimi
		choice["usage"] = v.usage(r.usage, r.text)
	}
	v.event(v.chunk([]object{choice}, nil))
	asked, _ := v.a.protocol.(*completionRequest)
	if asked != nil && asked.StreamOptions.IncludeUsage && !v.usageInChoice {
		v.event(v.chunk([]object{}, v.usage(r.usage, r.text)))
	}
	v.send("data: [DONE]\n\n")
}

func (v *eventResponder) broken(c refusal) { v.event(v.inside(c.words(v.errors, v.a))) }

// wholeResponder writes one JSON object at the end.
type wholeResponder struct {
	stream
	openAIDialect
	a               *ask
	r               *reply
	text, reasoning string
}

func (v *wholeResponder) begin(r *reply) {
	v.r = r
	v.w.Header().Set("Content-Type", "application/json")
}

func (v *wholeResponder) heartbeat() {
	if v.keepAlive {
		v.send("\n")
	}
}

func (v *wholeResponder) piece(text, reasoning string) {
	v.text += text
	v.reasoning += reasoning
}

func (v *wholeResponder) end(r *reply) {
	v.line(v.whole(v.a, r, v.text, v.reasoning, v.usage(r.usage, r.text)))
}

func (v *wholeResponder) broken(c refusal) { v.line(v.inside(c.words(v.errors, v.a))) }

// whole is an answer that is not streamed.
func (f *variant) whole(a *ask, r *reply, text, reasoning string, usage any) object {
	message := f.delta(a, text, reasoning, text, reasoning)
	if message == nil {
		message = object{"content": text}
	}
	message["role"] = "assistant"
	return object{
		"id": r.id, "object": "chat.completion", "created": r.at.Unix(), "model": a.Model, "usage": usage,
		"choices": []object{{"index": 0, "message": message, "finish_reason": r.finish}},
	}
}

// openAIHeaders sets OpenAI's headers about a limit.
func openAIHeaders(h http.Header, retry int) {
	h.Set("X-Ratelimit-Limit-Requests", "500")
	h.Set("X-Ratelimit-Remaining-Requests", "0")
	h.Set("X-Ratelimit-Reset-Requests", strconv.Itoa(retry)+"s")
}

// kimiHeaders sets Kimi's headers about a limit.
func kimiHeaders(h http.Header, retry int) {
	h.Set("X-Ratelimit-Limit", "3")
	h.Set("X-Ratelimit-Remaining", "0")
	h.Set("X-Ratelimit-Reset", strconv.Itoa(retry))
}
