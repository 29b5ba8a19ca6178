package mockllm

import (
	"net/http"
	"slices"
	"strings"

	"github.com/topcentral/spillway/providers/presets"
)

// variant describes how one service differs from others with OpenAI's API.
type variant struct {
	models  []string
	errors  map[Fault]failure
	unknown refusal // a model that does not exist

	shape  func(failure) any // an error's body
	inside func(failure) any // an error behind status 200
	check  func(*completionRequest, *ask) *refusal
	thinks func(*completionRequest) bool
	usage  func(u Usage, text string) any
	// delta is a piece of an answer; all that came before is given, too.
	delta         func(a *ask, text, reasoning, allText, allReasoning string) object
	headers       func(h http.Header, retry int) // of a 429, beside Retry-After
	keepAlive     bool                           // signs of life while nothing happens
	usageInChoice bool                           // a stream's usage is in its last choice
}

// variants are the services with OpenAI's API.
func variants() map[string]*variant {
	return map[string]*variant{
		OpenAI: openAI(), DeepSeek: deepSeek(), Kimi: kimi(), MiniMax: minimaxCompatible(), DashScope: dashScope(),
	}
}

// modelsOf are the models that a preset knows, by all their names.
func modelsOf(preset string) []string {
	p, _ := presets.Lookup(preset)
	var names []string
	for _, m := range p.Models {
		names = append(names, m.Name)
	}
	for alias := range p.Aliases {
		names = append(names, alias)
	}
	slices.Sort(names)
	return names
}

// openAIError is an error as OpenAI sends it, and most others.
func openAIError(f failure) any {
	e := object{"message": f.message, "type": f.kind, "param": nil, "code": nil}
	if f.code != "" {
		e["code"] = f.code
	}
	return object{"error": e}
}

// separate is a piece with reasoning in a field of its own.
func separate(_ *ask, text, reasoning, _, _ string) object {
	if reasoning != "" && text == "" {
		return object{"content": nil, "reasoning_content": reasoning}
	}
	if reasoning != "" {
		return object{"content": text, "reasoning_content": reasoning}
	}
	return object{"content": text}
}

// hidden is a piece of a service that does not send its reasoning.
func hidden(_ *ask, text, _, _, _ string) object {
	if text == "" {
		return nil
	}
	return object{"content": text}
}

// usual is how OpenAI counts.
func usual(u Usage, _ string) any {
	return object{
		"prompt_tokens": u.Input, "completion_tokens": u.Output, "total_tokens": u.Input + u.Output,
		"prompt_tokens_details":     object{"cached_tokens": u.Cached},
		"completion_tokens_details": object{"reasoning_tokens": u.Reasoning},
	}
}

func openAI() *variant {
	return &variant{
		errors: map[Fault]failure{
			RateLimited:     {429, "requests", "rate_limit_exceeded", "Rate limit reached for {model} in organization org-mock on requests per min (RPM): Limit 500, Used 500, Requested 1. Please try again in {wait}s."},
			Overloaded:      {503, "server_error", "", "That model is currently overloaded with other requests. You can retry your request."},
			QuotaDead:       {429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota, please check your plan and billing details."},
			AuthDead:        {401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided: sk-mock********0000. You can find your API key in your account's settings."},
			BadRequest:      {400, "invalid_request_error", "invalid_value", "Invalid value: 'mock'."},
			ContextOverflow: {400, "invalid_request_error", "context_length_exceeded", "This model's maximum context length is {room} tokens. However, your messages resulted in {tokens} tokens. Please reduce the length of the messages."},
			ContentBlocked:  {400, "invalid_request_error", "content_policy_violation", "Your request was rejected as a result of our safety system."},
			ServerError:     {500, "server_error", "", "The server had an error while processing your request. Sorry about that!"},
			UpstreamTimeout: {504, "server_error", "timeout", "The upstream server did not answer in time."},
		},
		unknown: refusal{fault: BadRequest, status: 404, code: "model_not_found", message: "The model `{model}` does not exist or you do not have access to it."},
		shape:   openAIError, inside: openAIError, headers: openAIHeaders,
		check: func(in *completionRequest, _ *ask) *refusal {
			if in.MaxTokens != nil {
				return &refusal{fault: BadRequest, code: "unsupported_parameter", message: "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}
			}
			if in.Temperature != nil && *in.Temperature != 1 && in.ReasoningEffort != "none" {
				return &refusal{fault: BadRequest, code: "unsupported_value", message: "Unsupported value: 'temperature' does not support this value with this model. Only the default (1) value is supported."}
			}
			return nil
		},
		thinks: func(in *completionRequest) bool { return in.ReasoningEffort != "none" },
		usage:  usual, delta: hidden,
	}
}

func deepSeek() *variant {
	const code = "invalid_request_error"
	return &variant{
		errors: map[Fault]failure{
			RateLimited:     {429, "rate_limit_error", code, "You have reached the limit of concurrent requests of your account. Please slow down."},
			Overloaded:      {503, "service_unavailable_error", code, "Service is too busy. We advise users to temporarily switch to alternative LLM API service providers."},
			QuotaDead:       {402, "unknown_error", code, "Insufficient Balance"},
			AuthDead:        {401, "authentication_error", code, "Authentication Fails, Your api key: ****0000 is invalid"},
			BadRequest:      {422, code, code, "Failed to deserialize the JSON body into the target type: messages[0]: missing field `role`"},
			ContextOverflow: {400, code, code, "This model's maximum context length is {room} tokens. However, you requested {tokens} tokens. Please reduce the length of the messages or completion."},
			ContentBlocked:  {400, code, code, "Content Exists Risk"},
			ServerError:     {500, "internal_error", "", "Internal Server Error"},
			UpstreamTimeout: {504, "", "", "Gateway Timeout"},
		},
		unknown: refusal{fault: BadRequest, status: 400, message: "The supported API model names are deepseek-flash or deepseek-v4-pro, but you passed {model}."},
		shape:   openAIError, inside: openAIError, keepAlive: true,
		check: func(in *completionRequest, a *ask) *refusal {
			if in.Format == nil {
				return nil
			}
			if in.Format.Type == "json_schema" {
				return &refusal{fault: BadRequest, status: 400, message: "This response_format type is unavailable now"}
			}
			return wantsWord(in, a, "Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'.")
		},
		thinks: func(in *completionRequest) bool { return in.Thinking == nil || in.Thinking.Type != "disabled" },
		delta:  separate,
		usage: func(u Usage, _ string) any {
			return object{
				"prompt_tokens": u.Input, "completion_tokens": u.Output, "total_tokens": u.Input + u.Output,
				"prompt_cache_hit_tokens": u.Cached, "prompt_cache_miss_tokens": u.Input - u.Cached,
				"completion_tokens_details": object{"reasoning_tokens": u.Reasoning},
			}
		},
	}
}

// wantsWord refuses JSON mode for a prompt that does not speak of JSON.
func wantsWord(in *completionRequest, a *ask, message string) *refusal {
	if in.Format.Type == "json_object" && !strings.Contains(strings.ToLower(a.Prompt), "json") {
		return &refusal{fault: BadRequest, status: http.StatusBadRequest, message: message}
	}
	return nil
}

func kimi() *variant {
	const bad = "invalid_request_error"
	return &variant{
		errors: map[Fault]failure{ // three kinds of 429
			RateLimited:     {429, "rate_limit_reached_error", "", "Your account org-mock<ak-mock> request reached organization max RPM: 3, please try again after {wait} seconds"},
			Overloaded:      {429, "engine_overloaded_error", "", "The engine is currently overloaded, please try again later"},
			QuotaDead:       {429, "exceeded_current_quota_error", "", "Your account org-mock<ak-mock> is suspended due to insufficient balance, please recharge your account or check your plan and billing details"},
			AuthDead:        {401, "incorrect_api_key_error", "", "Incorrect API key provided"},
			BadRequest:      {400, bad, "", "Invalid request: the message at position 0 with role 'user' must not be empty"},
			ContextOverflow: {400, bad, "", "Invalid request: Your request exceeded model token limit: {room}"},
			ContentBlocked:  {400, "content_filter", "", "The request was rejected because it was considered high risk"},
			ServerError:     {500, "server_error", "", "Unexpected error, please try again later"},
			UpstreamTimeout: {504, "", "", "Gateway Timeout"},
		},
		unknown: refusal{fault: BadRequest, status: 404, message: "Not found the model {model} or Permission denied"},
		shape: func(f failure) any {
			return object{"error": object{"message": f.message, "type": f.kind}}
		},
		inside:  func(f failure) any { return object{"error": object{"message": f.message, "type": f.kind}} },
		headers: kimiHeaders, delta: separate, usageInChoice: true,
		check:  kimiSampling,
		thinks: func(in *completionRequest) bool { return in.Thinking == nil || in.Thinking.Type != "disabled" },
		usage: func(u Usage, _ string) any {
			return object{
				"prompt_tokens": u.Input, "completion_tokens": u.Output, "total_tokens": u.Input + u.Output, "cached_tokens": u.Cached,
			}
		},
	}
}

// kimiSampling refuses sampling parameters: they are fixed.
func kimiSampling(in *completionRequest, _ *ask) *refusal {
	fixed := func(v *float64, only float64) bool { return v == nil || *v == only }
	var name, only string
	switch {
	case !fixed(in.Temperature, 1):
		name, only = "temperature", "1"
	case !fixed(in.TopP, 0.95):
		name, only = "top_p", "0.95"
	case in.N != nil && *in.N != 1:
		name, only = "n", "1"
	case !fixed(in.PresencePenalty, 0):
		name, only = "presence_penalty", "0"
	case !fixed(in.FrequencyPenalty, 0):
		name, only = "frequency_penalty", "0"
	default:
		return nil
	}
	return &refusal{fault: BadRequest, message: "invalid " + name + ": only " + only + " is allowed for this model"}
}

func dashScope() *variant {
	return &variant{
		errors: map[Fault]failure{
			RateLimited:     {429, "Throttling.RateQuota", "Throttling.RateQuota", "Requests rate limit exceeded, please try again later."},
			Overloaded:      {503, "ServiceUnavailable", "ServiceUnavailable", "Too many requests. Your requests are being throttled due to system capacity limits."},
			QuotaDead:       {400, "Arrearage", "Arrearage", "Access denied, please make sure your account is in good standing."},
			AuthDead:        {401, "invalid_request_error", "InvalidApiKey", "Incorrect API key provided."},
			BadRequest:      {400, "invalid_request_error", "invalid_parameter_error", "<400> InternalError.Algo.InvalidParameter: a parameter is invalid."},
			ContextOverflow: {400, "invalid_request_error", "invalid_parameter_error", "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, {room}]"},
			ContentBlocked:  {400, "data_inspection_failed", "DataInspectionFailed", "Input data may contain inappropriate content."},
			ServerError:     {500, "internal_error", "InternalError", "An internal error has occurred, please try again later or contact service support."},
			UpstreamTimeout: {504, "RequestTimeOut", "RequestTimeOut", "Request timed out, please try again later."},
		},
		unknown: refusal{fault: BadRequest, status: 404, code: "ModelNotFound", message: "The model `{model}` does not exist or you do not have access to it."},
		shape:   dashScopeError, inside: dashScopeError, usage: usual, delta: separate,
		check: func(in *completionRequest, a *ask) *refusal {
			if in.EnableThinking != nil && !*in.EnableThinking && in.ReasoningEffort != "" {
				return &refusal{fault: BadRequest, message: "reasoning_effort cannot be used when enable_thinking is false."}
			}
			if in.Format == nil {
				return nil
			}
			return wantsWord(in, a, "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.")
		},
		thinks: func(in *completionRequest) bool { return in.EnableThinking != nil && *in.EnableThinking },
	}
}

func dashScopeError(f failure) any {
	return object{
		"error":      object{"message": f.message, "type": f.kind, "param": nil, "code": f.code},
		"request_id": "00000000-0000-4000-8000-000000000000",
	}
}
