package mockllm

import (
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"
)

// minimaxCode are the codes of base_resp. There is none for an overload, which
// the gateway answers in either API.
var minimaxCode = map[Fault]int{
	RateLimited: 1002, QuotaDead: 1008, AuthDead: 1004, BadRequest: 2013, ContextOverflow: 2013, ContentBlocked: 1026,
	ServerError: 1024, UpstreamTimeout: 1001,
}

// minimaxCompatible is MiniMax behind OpenAI's API.
func minimaxCompatible() *variant {
	return &variant{
		errors: map[Fault]failure{
			RateLimited:     {429, "rate_limit_error", "1002", "rate limit exceeded(RPM) (1002)"},
			Overloaded:      {529, "overloaded_error", "1000", "overloaded, please try again later (1000)"},
			QuotaDead:       {429, "insufficient_balance_error", "1008", "insufficient balance (1008)"},
			AuthDead:        {401, "authorized_error", "1004", "login fail: Please carry the API secret key in the 'Authorization' field of the request header (1004)"},
			BadRequest:      {400, "bad_request_error", "2013", "invalid params, messages is empty (2013)"},
			ContextOverflow: {400, "bad_request_error", "2013", "invalid params, context window exceeds limit (2013)"},
			ContentBlocked:  {200, "", "1026", "input new_sensitive"},
			ServerError:     {500, "api_error", "1000", "unknown error, 794 (1000)"},
			UpstreamTimeout: {504, "timeout_error", "1001", "request timeout (1001)"},
		},
		unknown: refusal{fault: BadRequest, message: "invalid params, unknown model '{model}' (2013)"},
		shape: func(f failure) any {
			if f.status == http.StatusOK {
				return minimaxBase(f)
			}
			return object{"type": "error", "error": object{"type": f.kind, "message": f.message, "http_code": itoa(f.status)}, "request_id": "mock"}
		},
		inside: minimaxBase,
		check:  minimaxCheck,
		thinks: func(*completionRequest) bool { return true },
		usage:  minimaxUsage, delta: minimaxDelta,
	}
}

func minimaxBase(f failure) any {
	return object{"base_resp": object{"status_code": json.Number(f.code), "status_msg": f.message}}
}

func minimaxCheck(in *completionRequest, _ *ask) *refusal {
	if t := in.Temperature; t != nil && (*t <= 0 || *t > 1) {
		return &refusal{fault: BadRequest, message: "invalid params, temperature must be in (0, 1] (2013)"}
	}
	return nil
}

func minimaxUsage(u Usage, text string) any {
	return object{
		"total_tokens": u.Input + u.Output, "total_characters": utf8.RuneCountInString(text),
		"prompt_tokens": u.Input, "completion_tokens": u.Output,
		"prompt_tokens_details":     object{"cached_tokens": u.Cached},
		"completion_tokens_details": object{"reasoning_tokens": u.Reasoning},
	}
}

// minimaxDelta leaves the thinking in the text, in tags, unless it is asked to
// keep it apart; then every piece repeats all that came before.
func minimaxDelta(a *ask, text, reasoning, allText, allReasoning string) object {
	asked, _ := a.protocol.(*completionRequest)
	if asked != nil && asked.ReasoningSplit {
		return object{
			"content": allText, "reasoning_content": allReasoning,
			"reasoning_details": []object{{"type": "reasoning.text", "id": "mock", "index": 0, "text": allReasoning}},
		}
	}
	var b strings.Builder
	if reasoning != "" && allReasoning == reasoning {
		b.WriteString("<think>\n")
	}
	b.WriteString(reasoning)
	if text != "" && allText == text && allReasoning != "" {
		b.WriteString("\n</think>\n\n")
	}
	b.WriteString(text)
	return object{"content": b.String()}
}

// minimaxNative serves MiniMax's own API, whose errors come with status 200.
func (s *Server) minimaxNative(svc *service) {
	f := minimaxCompatible()
	f.models = modelsOf(MiniMax)
	for fault, code := range minimaxCode {
		e := f.errors[fault]
		words, _, _ := strings.Cut(e.message, " (")
		f.errors[fault] = failure{status: http.StatusOK, code: itoa(code), message: words}
	}
	d := minimaxDialect{openAIDialect{svc, f}}
	s.mux.HandleFunc("POST "+strings.TrimSuffix(Path(MiniMax), "/v1")+"/v1/text/chatcompletion_v2", s.serve(svc, d))
}

// minimaxDialect reads and writes chatcompletion_v2.
type minimaxDialect struct{ openAIDialect }

func (d minimaxDialect) responder(w http.ResponseWriter, a *ask) responder {
	if a.stream {
		return &minimaxResponder{eventResponder{stream: stream{w}, openAIDialect: d.openAIDialect, a: a}}
	}
	return &minimaxWholeResponder{wholeResponder{stream: stream{w}, openAIDialect: d.openAIDialect, a: a}}
}

// minimaxWholeResponder adds the fields of the native API to a whole answer.
type minimaxWholeResponder struct{ wholeResponder }

func (v *minimaxWholeResponder) end(r *reply) {
	v.line(minimaxResult(v.whole(v.a, r, v.text, v.reasoning, v.usage(r.usage, r.text))))
}

// minimaxResponder ends a stream with the whole answer instead of [DONE].
type minimaxResponder struct{ eventResponder }

func (v *minimaxResponder) end(r *reply) {
	v.event(v.chunk([]object{{"index": 0, "delta": object{}, "finish_reason": r.finish}}, nil))
	v.event(minimaxResult(v.whole(v.a, r, v.text, v.reasoning, v.usage(r.usage, r.text))))
}

func minimaxResult(o object) object {
	o["input_sensitive"], o["output_sensitive"] = false, false
	o["base_resp"] = object{"status_code": 0, "status_msg": ""}
	return o
}
