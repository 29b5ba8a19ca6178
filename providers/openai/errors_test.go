package openai_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/openai"
)

// The bodies of errors as the services send them.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		class  providers.Class
	}{
		{"DeepSeek: key", 401, `{"error":{"message":"Authentication Fails, Your api key: ****cdef is invalid","type":"authentication_error","param":null,"code":"invalid_request_error"}}`, "auth_dead"},
		{"DeepSeek: balance", 402, `{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}`, "quota_dead"},
		{"DeepSeek: model", 400, `{"error":{"message":"The supported API model names are deepseek-flash, deepseek-v4-pro","type":"invalid_request_error"}}`, "bad_request"},
		{"DeepSeek: overflow", 400, `{"error":{"message":"This model's maximum context length is 1000000 tokens. However, you requested 1200000 tokens","type":"invalid_request_error"}}`, "context_overflow"},
		{"DeepSeek: content", 400, `{"error":{"message":"Content Exists Risk","type":"invalid_request_error"}}`, "content_blocked"},
		{"DeepSeek: parameters", 422, `{"error":{"message":"Failed to deserialize"}}`, "bad_request"},
		{"DeepSeek: concurrency", 429, `{"error":{"message":"Too many concurrent requests"}}`, "rate_limited"},
		{"DeepSeek: overloaded", 503, `{"error":{"message":"Service is too busy"}}`, "overloaded"},
		{"OpenAI: overloaded", 503, `{"error":{"message":"Try again later","type":"server_error","code":null}}`, "overloaded"},

		{"Kimi: quota is a 429", 429, `{"error":{"type":"exceeded_current_quota_error","message":"Your account is suspended, please check your plan and billing details"}}`, "quota_dead"},
		{"Kimi: rate is a 429", 429, `{"error":{"type":"rate_limit_reached_error","message":"Your account reached max request, please try again after 1 seconds"}}`, "rate_limited"},
		{"Kimi: overload is a 429", 429, `{"error":{"type":"engine_overloaded_error","message":"The engine is currently overloaded, please try again later"}}`, "overloaded"},
		{"Kimi: balance is a 403", 403, `{"error":{"type":"permission_error","message":"Your account balance is insufficient"}}`, "quota_dead"},
		{"Kimi: key", 401, `{"error":{"type":"incorrect_api_key_error","message":"Incorrect API key provided"}}`, "auth_dead"},
		{"Kimi: overflow", 400, `{"error":{"type":"invalid_request_error","message":"Invalid request: Your request exceeded model token limit: 262144"}}`, "context_overflow"},
		{"Kimi: content", 400, `{"error":{"type":"content_filter","message":"The request was rejected because it was considered high risk"}}`, "content_blocked"},
		{"Kimi: temperature", 400, `{"error":{"type":"invalid_request_error","message":"invalid temperature: only 1 is allowed for this model"}}`, "bad_request"},

		{"MiniMax: as OpenAI", 401, `{"type":"error","error":{"type":"authorized_error","message":"login fail (1004)","http_code":"401"}}`, "auth_dead"},
		{"OpenAI: rate", 429, `{"error":{"message":"Rate limit reached for gpt-6-luna","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`, "rate_limited"},
		{"OpenAI: quota", 429, `{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`, "quota_dead"},
		{"OpenAI: credit", 429, `{"error":{"message":"no credit","code":"credit_balance_exhausted"}}`, "quota_dead"},
		{"OpenAI: organization", 429, `{"error":{"message":"limit","code":"organization_spend_limit_exceeded"}}`, "quota_dead"},
		{"OpenAI: project", 429, `{"error":{"message":"limit","code":"project_spend_limit_exceeded"}}`, "quota_dead"},
		{"OpenAI: usage", 429, `{"error":{"message":"limit","code":"organization_usage_limit_exceeded"}}`, "quota_dead"},
		{"OpenAI: overflow", 400, `{"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}}`, "context_overflow"},
		{"OpenAI: model", 404, `{"error":{"message":"The model does not exist","code":"model_not_found"}}`, "bad_request"},
		{"DashScope: rate", 429, `{"code":"Throttling.RateQuota","message":"Requests rate limit exceeded","request_id":"x"}`, "rate_limited"},
		{"DashScope: bursts", 429, `{"error":{"code":"Throttling.BurstRate","message":"Request rate increased too quickly."}}`, "rate_limited"},
		{"DashScope: a throttle of tomorrow, whatever its status", 400, `{"error":{"code":"Throttling.User","message":"Requests throttled"}}`, "rate_limited"},
		{"DashScope: allocated quota", 429, `{"error":{"code":"Throttling.AllocationQuota","message":"Allocated quota exceeded"}}`, "quota_dead"},
		{"DashScope: free tier used up", 403, `{"error":{"code":"AllocationQuota.FreeTierOnly","message":"The free tier of the model has been exhausted."}}`, "quota_dead"},
		{"DashScope: key", 401, `{"error":{"code":"InvalidApiKey","message":"Invalid API-key provided."}}`, "auth_dead"},
		{"DashScope: model", 404, `{"error":{"code":"ModelNotFound","message":"Model can not be found."}}`, "bad_request"},
		{"DashScope: thinking and effort at once", 400, `{"error":{"code":"invalid_parameter_error","message":"reasoning_effort cannot be used when enable_thinking is false"}}`, "bad_request"},
		{"DashScope: overflow", 400, `{"error":{"code":"InvalidParameter","message":"Range of input length should be [1, 991808]"}}`, "context_overflow"},
		{"MiniMax: money, by status 200 or not", 402, `{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}`, "quota_dead"},
		{"LM Studio: no such mode", 400, `{"error":"'response_format.type' must be 'json_schema' or 'text'"}`, "bad_request"},
		{"llama-server: overflow", 400, `{"error":{"code":400,"message":"request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it","type":"exceed_context_size_error"}}`, "context_overflow"},
		{"llama-server: loading", 503, `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`, "overloaded"},
		{"vLLM: overflow", 400, `{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens","type":"BadRequestError","code":400}`, "context_overflow"},
		{"vLLM: model", 404, `{"object":"error","message":"The model does not exist.","type":"NotFoundError","code":404}`, "bad_request"},
		{"DashScope: arrears", 400, `{"error":{"code":"Arrearage","message":"Access denied"}}`, "quota_dead"},
		{"DashScope: content", 400, `{"error":{"code":"DataInspectionFailed","message":"Input data may contain inappropriate content."}}`, "content_blocked"},

		{"a text only", 500, `{"error":"boom"}`, "server"},
		{"a code that is a number", 500, `{"error":{"message":"boom","code":500}}`, "server"},
		{"a page", 502, `<html>Bad Gateway</html>`, "server"},
		{"nothing", 504, ``, "timeout"},
		{"Cloudflare's own", 529, ``, "overloaded"},
		{"a redirect that leads nowhere", 304, ``, "server"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := serve(t, openai.Quirks{}, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			_, err := generate(t.Context(), p, &providers.Request{Model: "m"})
			e, ok := errors.AsType[*providers.Error](err)
			if !ok {
				t.Fatalf("%v is not an *Error", err)
			}
			if e.Class != c.class || e.Status != c.status || e.Message == "" {
				t.Errorf("got %q (HTTP %d) %q, want %q", e.Class, e.Status, e.Message, c.class)
			}
		})
	}
}

// TestErrorsInsideA200 has every place in which services hide them.
func TestErrorsInsideA200(t *testing.T) {
	shapes := map[string]func(body string) string{
		"plain":                func(body string) string { return body },
		"an event":             func(body string) string { return "data: " + body + "\n\n" },
		"an event behind some": func(body string) string { return "data: " + textEvent + "\n\ndata: " + body + "\n\n" },
	}
	bodies := map[string]providers.Class{
		`{"error":{"message":"The engine is overloaded","type":"engine_overloaded_error"}}`: "overloaded",
		`{"choices":null,"input_sensitive":true,"base_resp":{"status_code":0}}`:             "content_blocked",
		`{"choices":null,"output_sensitive":true}`:                                          "content_blocked",
	}
	for code, class := range map[int]providers.Class{
		1000: "server", 1001: "timeout", 1002: "rate_limited", 1004: "auth_dead", 1008: "quota_dead", 1024: "server",
		1026: "content_blocked", 1027: "content_blocked", 1033: "server", 1039: "rate_limited", 1041: "rate_limited",
		1042: "bad_request", 2013: "bad_request", 2049: "auth_dead", 2056: "quota_dead", 9999: "server",
	} {
		bodies[fmt.Sprintf(`{"id":"x","choices":null,"base_resp":{"status_code":%d,"status_msg":"it says"}}`, code)] = class
	}
	bodies[`{"base_resp":{"status_code":2013,"status_msg":"invalid params, context window exceeds limit"}}`] = "context_overflow"
	for shape, wrap := range shapes {
		for body, want := range bodies {
			t.Run(shape+" "+body, func(t *testing.T) {
				p := serve(t, openai.Quirks{}, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, wrap(body)) })
				_, err := generate(t.Context(), p, &providers.Request{Model: "m"})
				if got := providers.ClassOf(err); got != want {
					t.Errorf("class %q, want %q: %v", got, want, err)
				}
			})
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		name    string
		status  int
		headers map[string]string
		message string
		want    time.Duration
	}{
		{"seconds", 429, map[string]string{"Retry-After": "7"}, "", 7 * time.Second},
		{"milliseconds come first", 429, map[string]string{"Retry-After": "7", "Retry-After-Ms": "1500"}, "", 1500 * time.Millisecond},
		{"a reset says nothing of a server that broke", 500, map[string]string{"X-Ratelimit-Reset-Requests": "120ms", "X-Ratelimit-Reset-Tokens": "6m0s", "X-Ratelimit-Reset": "60"}, "", 0},
		{"OpenAI's reset", 429, map[string]string{"X-Ratelimit-Reset-Requests": "120ms", "X-Ratelimit-Reset-Tokens": "6m0s"}, "", 6 * time.Minute},
		{"Kimi's reset", 429, map[string]string{"X-RateLimit-Reset": "3"}, "", 3 * time.Second},
		{"a reset that is a date in seconds is not believed", 429, map[string]string{"X-RateLimit-Reset": "1795000000"}, "", 0},
		{"OpenAI's words", 429, nil, "Rate limit reached. Please try again in 20s.", 20 * time.Second},
		{"Kimi's words", 429, nil, "max RPM: 3, please try again after 1 seconds", time.Second},
		{"when overloaded", 503, map[string]string{"Retry-After": "2"}, "", 2 * time.Second},
		{"not on an answer that waiting does not change", 400, map[string]string{"X-Ratelimit-Reset-Tokens": "6m0s"}, "", 0},
		{"nothing", 429, nil, "", 0},
		{"nonsense", 429, map[string]string{"Retry-After": "soon"}, "", 0},
		{"a negative number", 429, map[string]string{"Retry-After": "-5"}, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := serve(t, openai.Quirks{}, func(w http.ResponseWriter, _ *http.Request) {
				for name, value := range c.headers {
					w.Header().Set(name, value)
				}
				w.WriteHeader(c.status)
				_, _ = fmt.Fprintf(w, `{"error":{"message":%q}}`, c.message)
			})
			_, err := generate(t.Context(), p, &providers.Request{Model: "m"})
			if e, _ := errors.AsType[*providers.Error](err); e == nil || e.RetryAfter != c.want {
				t.Errorf("got %+v, want %v", e, c.want)
			}
		})
	}
}

func TestErrorsShowNoKey(t *testing.T) {
	for _, message := range []string{
		"Incorrect API key provided: " + key,
		"Bad header: Authorization: Bearer " + key,
		"Bad header: Authorization: Bearer eyJhbGciOi.some-other.token",
		"Your key sk-proj-someone-elses-key is wrong",
	} {
		p := serve(t, openai.Quirks{}, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprintf(w, `{"error":{"message":%q}}`, message)
		})
		_, err := generate(t.Context(), p, &providers.Request{Model: "m"})
		for _, part := range []string{"0123456789", "some-other", "someone-elses"} {
			if shown := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(shown, part) {
				t.Errorf("%q shows in %s", part, shown)
			}
		}
	}
}
