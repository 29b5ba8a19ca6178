package openai_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/openai"
)

// serve starts a server with h and returns a provider with these quirks that
// calls it.
func serve(t *testing.T, q openai.Quirks, h http.HandlerFunc) providers.Provider {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c := config(s.URL)
	c.Quirks = q
	return openai.New(c, s.Client())
}

func generate(ctx context.Context, p providers.Provider, req *providers.Request) (*providers.Response, error) {
	return p.Generate(ctx, req, func(providers.Delta) {})
}

// events returns a handler that streams each of data as one event, and then
// [DONE].
func events(data ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, d := range data {
			_, _ = fmt.Fprintf(w, "data: %s\n\n", d)
		}
		_, _ = io.WriteString(w, "data: [DONE]\n\n")
	}
}

const (
	textEvent = `{"choices":[{"index":0,"delta":{"content":"{}"},"finish_reason":null}]}`
	stopEvent = `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
)

// sent returns the body and headers of the request that p makes for req.
func sent(t *testing.T, c openai.Config, req *providers.Request) (body map[string]any, header http.Header) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		events(textEvent, stopEvent)(w, r)
	}))
	defer s.Close()
	c.BaseURL = s.URL
	if _, err := generate(t.Context(), openai.New(c, s.Client()), req); err != nil {
		t.Fatal(err)
	}
	return body, header
}

// toAny returns messages as a request's body has them.
func toAny(messages []providers.Message) []any {
	all := make([]any, 0, len(messages))
	for _, m := range messages {
		all = append(all, map[string]any{"role": string(m.Role), "content": m.Content})
	}
	return all
}

func TestRequestFields(t *testing.T) {
	ask := &providers.Request{Model: "m", Messages: []providers.Message{{Role: providers.User, Content: "问"}}, OutputLimit: 300}
	schema := *ask
	schema.Schema, schema.SchemaName = json.RawMessage(`{"type":"object"}`), "verdict"
	hot := *ask
	hot.Temperature = 1.7
	hurried := *ask
	hurried.TotalLimit = 700
	// go-openai refuses these three names with max_tokens or a temperature.
	gpt5, o3, gpt6 := *ask, *ask, *ask
	gpt5.Model, o3.Model, gpt6.Model = "gpt-5-of-somebody-else", "o3-mini", "gpt-6-luna"
	sampling := openai.Quirks{Temperature: &openai.Range{Max: 2}}

	for _, c := range []struct {
		name   string
		quirks openai.Quirks
		req    *providers.Request
		want   map[string]any // nil: not sent
	}{
		{"plain", openai.Quirks{}, ask, map[string]any{
			"model": "m", "stream": true, "stream_options": map[string]any{"include_usage": true},
			"max_tokens": 300.0, "max_completion_tokens": nil, "temperature": nil, "response_format": nil,
		}},
		{"temperature 0 is sent", sampling, ask, map[string]any{"temperature": 0.0}},
		{"temperature is moved into the range", openai.Quirks{Temperature: &openai.Range{Min: 0.01, Max: 1}}, ask, map[string]any{"temperature": 0.01}},
		{"temperature is moved into the range, above", openai.Quirks{Temperature: &openai.Range{Min: 0.01, Max: 1}}, &hot, map[string]any{"temperature": 1.0}},
		{"output limit by its newer name", openai.Quirks{MaxTokensField: openai.MaxCompletionTokens}, ask, map[string]any{
			"max_tokens": nil, "max_completion_tokens": 300.0,
		}},
		{"thinking counts as output", openai.Quirks{ThinkingTokens: 8000}, ask, map[string]any{"max_tokens": 8300.0}},
		{"but not more than there is time for", openai.Quirks{ThinkingTokens: 8000}, &hurried, map[string]any{"max_tokens": 700.0}},
		{"time for more than the answer may take", openai.Quirks{}, &hurried, map[string]any{"max_tokens": 300.0}},
		{"extra fields", openai.Quirks{ExtraBody: map[string]any{"reasoning_split": true, "thinking": map[string]any{"type": "disabled"}}}, ask, map[string]any{
			"reasoning_split": true, "thinking": map[string]any{"type": "disabled"},
		}},
		{"no JSON mode", openai.Quirks{}, &schema, map[string]any{"response_format": nil}},
		{"JSON object", openai.Quirks{JSONMode: openai.JSONObject}, &schema, map[string]any{"response_format": map[string]any{"type": "json_object"}}},
		{"JSON schema", openai.Quirks{JSONMode: openai.JSONSchema}, &schema, map[string]any{"response_format": map[string]any{
			"type": "json_schema", "json_schema": map[string]any{"name": "verdict", "schema": map[string]any{"type": "object"}},
		}}},
		{"JSON schema, and in the prompt for servers that ignore it", openai.Quirks{JSONMode: openai.JSONSchema, SchemaInPrompt: true}, &schema, map[string]any{
			"response_format": map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "verdict", "schema": map[string]any{"type": "object"}}},
			"messages":        toAny(providers.WithSchema(schema.Messages, schema.Schema)),
		}},
		{"a stranger named gpt-5", sampling, &gpt5, map[string]any{"max_tokens": 300.0, "temperature": 0.0}},
		{"a stranger named o3", sampling, &o3, map[string]any{"max_tokens": 300.0, "temperature": 0.0}},
		{"a stranger named gpt-6-luna", sampling, &gpt6, map[string]any{"max_tokens": 300.0, "temperature": 0.0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config("http://x")
			cfg.Quirks = c.quirks
			body, header := sent(t, cfg, c.req)
			for field, want := range c.want {
				if got := body[field]; !reflect.DeepEqual(got, want) {
					t.Errorf("%s is %v, want %v", field, got, want)
				}
			}
			if got := header.Get("Authorization"); got != "Bearer "+key {
				t.Errorf("authorization %q", got)
			}
		})
	}
}

func TestQuestionsGoWhereTheServiceWantsThem(t *testing.T) {
	for chatPath, want := range map[string]string{"": "/v1/chat/completions", "/text/chatcompletion_v2": "/v1/text/chatcompletion_v2"} {
		path := ""
		p := serve(t, openai.Quirks{ChatPath: chatPath}, func(w http.ResponseWriter, r *http.Request) {
			path = r.URL.Path
			events(textEvent, stopEvent)(w, r)
		})
		if _, err := generate(t.Context(), p, &providers.Request{Model: "m"}); err != nil || path != want {
			t.Errorf("asked %s, want %s (%v)", path, want, err)
		}
	}
}

func TestModelsOfAService(t *testing.T) {
	cfg := config("http://x")
	cfg.Model, cfg.Aliases = "new", map[string]string{"old": "new"}
	cfg.Quirks = openai.Quirks{ExtraBody: map[string]any{"thinking": "off"}}
	cfg.Models = []openai.Model{
		{Name: "new", OutputLimit: 100},
		{Name: "always-thinks", Quirks: &openai.Quirks{ThinkingTokens: 50}},
	}
	for _, c := range []struct {
		name string
		want map[string]any
	}{
		{"", map[string]any{"model": "new", "max_tokens": 100.0, "thinking": "off"}},
		{"old", map[string]any{"model": "new", "max_tokens": 100.0}},
		{"always-thinks", map[string]any{"model": "always-thinks", "max_tokens": 350.0, "thinking": nil}},
		{"unknown", map[string]any{"model": "unknown", "max_tokens": 300.0, "thinking": "off"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, _ := sent(t, cfg, &providers.Request{Model: c.name, OutputLimit: 300})
			for field, want := range c.want {
				if got := body[field]; !reflect.DeepEqual(got, want) {
					t.Errorf("%s is %v, want %v", field, got, want)
				}
			}
		})
	}
	cfg.Quirks.StaticModels = true
	models, err := openai.New(cfg, nil).Models(t.Context())
	if want := []providers.Model{{Name: "new"}, {Name: "always-thinks"}}; err != nil || !reflect.DeepEqual(models, want) {
		t.Errorf("models %v, %v; want %v without a call", models, err, want)
	}
}

func TestUsageUnderEveryName(t *testing.T) {
	for _, c := range []struct {
		name, event string
		want        providers.Usage
	}{
		{"OpenAI", `{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":6},"completion_tokens_details":{"reasoning_tokens":3}}}`, providers.Usage{Input: 10, Cached: 6, Output: 4, Reasoning: 3}},
		{"DeepSeek", `{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":4,"prompt_cache_hit_tokens":7,"prompt_cache_miss_tokens":3}}`, providers.Usage{Input: 10, Cached: 7, Output: 4}},
		{"Kimi", `{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":4,"cached_tokens":8}}`, providers.Usage{Input: 10, Cached: 8, Output: 4}},
		{"Kimi, in the choice", `{"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":10,"completion_tokens":4,"cached_tokens":8}}]}`, providers.Usage{Input: 10, Cached: 8, Output: 4}},
		{"MiniMax", `{"choices":[],"base_resp":{"status_code":0,"status_msg":""},"usage":{"total_tokens":14,"total_characters":0,"prompt_tokens":10,"completion_tokens":4,"completion_tokens_details":{"reasoning_tokens":2}}}`, providers.Usage{Input: 10, Output: 4, Reasoning: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, err := generate(t.Context(), serve(t, openai.Quirks{}, events(textEvent, stopEvent, c.event)), &providers.Request{Model: "m"})
			if err != nil {
				t.Fatal(err)
			}
			if resp.Usage != c.want {
				t.Errorf("got %+v, want %+v", resp.Usage, c.want)
			}
		})
	}
}

func TestReasoningUnderEveryName(t *testing.T) {
	for name, delta := range map[string]string{
		"reasoning_content": `{"reasoning_content":"why"}`,
		"reasoning":         `{"reasoning":"why"}`,
		"reasoning_details": `{"reasoning_details":[{"type":"reasoning.text","text":"why"}]}`,
		"two names at once": `{"reasoning_content":"why","reasoning_details":[{"text":"why"}]}`,
		"tags":              `{"content":"<think>why</think>"}`,
	} {
		t.Run(name, func(t *testing.T) {
			event := `{"choices":[{"index":0,"delta":` + delta + `}]}`
			resp, err := generate(t.Context(), serve(t, openai.Quirks{}, events(event, textEvent, stopEvent)), &providers.Request{Model: "m"})
			if err != nil {
				t.Fatal(err)
			}
			if resp.Reasoning != "why" || resp.Text != "{}" {
				t.Errorf("reasoning %q, text %q", resp.Reasoning, resp.Text)
			}
		})
	}
}

// TestCumulativePieces is about MiniMax, whose pieces repeat all that came
// before, though not everywhere.
func TestCumulativePieces(t *testing.T) {
	for _, c := range []struct {
		name   string
		pieces []string
		want   string
	}{
		{"repeating", []string{`{"a"`, `{"a": [1`, `{"a": [1, 1`, `{"a": [1, 1]}`}, `{"a": [1, 1]}`},
		{"repeating, and once without news", []string{`{"a": "some text`, `{"a": "some text`, `{"a": "some text"}`}, `{"a": "some text"}`},
		{"not repeating", []string{`{"a"`, `: [1`, `, 1`, `, 1`, `]}`}, `{"a": [1, 1, 1]}`},
		{"not repeating, and a word twice", []string{`[`, `[`, `]`, `]`}, `[[]]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var data []string
			for _, p := range c.pieces {
				quoted, _ := json.Marshal(p)
				data = append(data, fmt.Sprintf(`{"choices":[{"index":0,"delta":{"content":%s}}]}`, quoted))
			}
			resp, err := generate(t.Context(), serve(t, openai.Quirks{Cumulative: true}, events(append(data, stopEvent)...)), &providers.Request{Model: "m"})
			if err != nil {
				t.Fatal(err)
			}
			if resp.Text != c.want {
				t.Errorf("got %s, want %s", resp.Text, c.want)
			}
		})
	}
}

func TestStreamsAsServicesSendThem(t *testing.T) {
	keepAlive := strings.Repeat(": keep-alive\n\n", 2000) // go-openai gives up after 300 by default
	whole := `{"choices":[{"index":0,"message":{"role":"assistant","content":"{}","reasoning_content":"why"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`
	for _, c := range []struct{ name, body string }{
		{"keep-alive comments (DeepSeek under load)", keepAlive + "data: " + textEvent + "\n\ndata: " + stopEvent + "\n\ndata: [DONE]\n\n"},
		{"no [DONE]", "data: " + textEvent + "\n\ndata: " + stopEvent + "\n\n"},
		{"named events", "event: message\ndata: " + textEvent + "\n\nevent: message\ndata: " + stopEvent + "\n\ndata: [DONE]\n\n"},
		{"no space behind data:", "data:" + textEvent + "\n\ndata:" + stopEvent + "\n\n"},
		{"a server that cannot stream", whole},
		{"the same behind blank lines (DeepSeek)", "\n\n\n" + whole},
		{"a last event that repeats the answer (MiniMax)", "data: " + textEvent + "\n\ndata: " + `{"choices":[{"index":0,"finish_reason":"stop","message":{"content":"{}"}}],"object":"chat.completion"}` + "\n\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := serve(t, openai.Quirks{}, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, c.body) })
			resp, err := generate(t.Context(), p, &providers.Request{Model: "m"})
			if err != nil {
				t.Fatal(err)
			}
			if resp.Text != "{}" {
				t.Errorf("text %q", resp.Text)
			}
		})
	}
}

func TestFinishReasons(t *testing.T) {
	for reason, want := range map[string]providers.Class{
		"stop":                         "",
		"length":                       "", // truncated, see below
		"content_filter":               "content_blocked",
		"insufficient_system_resource": "overloaded",
		"":                             "", // [DONE] says the end
		"error":                        "server",
		"network_error":                "server",
		"Sensitive":                    "content_blocked",
		"abort":                        "server",
	} {
		t.Run(reason, func(t *testing.T) {
			end := fmt.Sprintf(`{"choices":[{"index":0,"delta":{},"finish_reason":%q}]}`, reason)
			resp, err := generate(t.Context(), serve(t, openai.Quirks{}, events(textEvent, end)), &providers.Request{Model: "m"})
			if got := providers.ClassOf(err); got != want {
				t.Errorf("class %q, want %q: %v", got, want, err)
			}
			if resp.Truncated != (reason == "length") {
				t.Errorf("truncated: %t", resp.Truncated)
			}
		})
	}
	thought := `{"choices":[{"index":0,"delta":{"reasoning_content":"long"},"finish_reason":"length"}]}`
	resp, err := generate(t.Context(), serve(t, openai.Quirks{}, events(thought)), &providers.Request{Model: "m"})
	if err != nil || !resp.Truncated {
		t.Errorf("a model that spent its limit on thinking is truncated, not blank: %+v, %v", resp, err)
	}
}

func TestValidate(t *testing.T) {
	if err := config("http://x").Validate(); err != nil {
		t.Error(err)
	}
	bad := openai.Config{
		BaseURL: "api.example.com",
		Quirks:  openai.Quirks{JSONMode: "xml", MaxTokensField: "limit", Temperature: &openai.Range{Min: 1}},
		Models:  []openai.Model{{Name: "m", Quirks: &openai.Quirks{JSONMode: "yaml"}}},
	}
	err := bad.Validate()
	for _, want := range []string{"name", "base URL", "xml", "limit", "temperature", "model m", "yaml"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not mention %s", err, want)
		}
	}
}
