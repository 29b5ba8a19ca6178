package ollama_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/ollama"
	"github.com/topcentral/spillway/providers/providertest"
)

// serve starts a server with h and returns a provider that calls it.
func serve(t *testing.T, c ollama.Config, h http.HandlerFunc) providers.Provider {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c.BaseURL = s.URL
	return ollama.New(c, s.Client())
}

// says returns a handler that answers with a status and a body.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func generate(ctx context.Context, p providers.Provider, req *providers.Request) (*providers.Response, error) {
	return p.Generate(ctx, req, func(providers.Delta) {})
}

const done = `{"message":{"content":"{}"},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":1}` + "\n"

func TestRequest(t *testing.T) {
	schema := json.RawMessage(`{"type":"object"}`)
	req := &providers.Request{
		Model:       "qwen2.5:7b",
		Messages:    []providers.Message{{Role: providers.User, Content: "问"}},
		Schema:      schema,
		OutputLimit: 300,
	}
	thinker := *req
	thinker.Model = "deepseek-r1:32b"
	hurried, calm := thinker, *req
	hurried.TotalLimit, calm.TotalLimit = 700, 700

	for _, c := range []struct {
		name   string
		config ollama.Config
		req    *providers.Request
		want   map[string]any // path → value; nil: missing
	}{
		{"defaults", ollama.Config{}, req, map[string]any{
			"model": "qwen2.5:7b", "stream": true, "truncate": false, "shift": false, "keep_alive": "30m0s", "think": nil,
			"format": map[string]any{"type": "object"},
			"options": map[string]any{
				"num_ctx": 8192.0, "num_predict": 300.0, "temperature": 0.0, // a temperature of 0 is sent
			},
			"messages": []any{map[string]any{"role": "user", "content": "问"}},
		}},
		{"configured", ollama.Config{NumCtx: 4096, KeepAlive: -1}, req, map[string]any{
			"keep_alive": -1.0, "options": map[string]any{"num_ctx": 4096.0, "num_predict": 300.0, "temperature": 0.0},
		}},
		{"a model that thinks may think on top, and reads the schema that binds it only afterwards", ollama.Config{ThinkingTokens: 1000}, &thinker, map[string]any{
			"think": nil, "format": map[string]any{"type": "object"},
			"messages": []any{
				map[string]any{"role": "system", "content": providers.WithSchema(nil, schema)[0].Content},
				map[string]any{"role": "user", "content": "问"},
			},
			"options": map[string]any{"num_ctx": 8192.0, "num_predict": 1300.0, "temperature": 0.0},
		}},
		{"but not more than there is time for", ollama.Config{ThinkingTokens: 1000}, &hurried, map[string]any{
			"options": map[string]any{"num_ctx": 8192.0, "num_predict": 700.0, "temperature": 0.0},
		}},
		{"time for more than the answer may take", ollama.Config{}, &calm, map[string]any{
			"options": map[string]any{"num_ctx": 8192.0, "num_predict": 300.0, "temperature": 0.0},
		}},
		{"thinking switched off", ollama.Config{Think: map[string]any{"deepseek-r1:32b": false}}, &thinker, map[string]any{
			"think": false, "options": map[string]any{"num_ctx": 8192.0, "num_predict": 300.0, "temperature": 0.0},
		}},
		{"a level of thinking", ollama.Config{Think: map[string]any{"deepseek-r1:32b": "low"}}, &thinker, map[string]any{"think": "low"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var body map[string]any
			p := serve(t, c.config, func(w http.ResponseWriter, r *http.Request) {
				if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
					t.Error(err)
				}
				_, _ = io.WriteString(w, done)
			})
			if _, err := generate(t.Context(), p, c.req); err != nil {
				t.Fatal(err)
			}
			for field, want := range c.want {
				if got := body[field]; !reflect.DeepEqual(got, want) {
					t.Errorf("%s is %v, want %v", field, got, want)
				}
			}
		})
	}
}

// The bodies of errors as Ollama's releases send them; see the reference for
// the issues.
func TestErrors(t *testing.T) {
	overflow034 := `{"error":"{\"error\":{\"code\":400,\"message\":\"request (2622 tokens) exceeds the available context size (512 tokens), try increasing it\",\"type\":\"exceed_context_size_error\",\"n_prompt_tokens\":2622,\"n_ctx\":512}}"}`
	for _, c := range []struct {
		name   string
		status int
		body   string
		class  providers.Class
		says   string
	}{
		{"missing model", 404, `{"error":"model 'm' not found"}`, "bad_request", "ollama pull m"},
		{"missing model, older", 404, `{"error":"model \"m\" not found, try pulling it first"}`, "bad_request", "ollama pull m"},
		{"not Ollama", 404, `404 page not found`, "bad_request", "is it Ollama?"},
		{"full queue", 503, `{"error":"server busy, please try again.  maximum pending requests exceeded"}`, "overloaded", "server busy"},
		{"overflow since 0.12.6", 400, `{"error":"the input length exceeds the context length"}`, "context_overflow", "input length"},
		{"overflow since 0.34", 400, overflow034, "context_overflow", "request (2622 tokens)"},
		{"overflow as an object", 400, `{"error":{"code":400,"message":"request (9000 tokens) exceeds the available context size (8192 tokens)","type":"exceed_context_size_error"}}`, "context_overflow", "9000"},
		{"overflow as 500", 500, `{"error":"the input length exceeds the context length"}`, "context_overflow", ""},
		{"memory", 500, `{"error":"model requires more system memory (24.5 GiB) than is available (15.9 GiB)"}`, "overloaded", "24.5 GiB"},
		{"no chat model", 400, `{"error":"\"nomic-embed-text\" does not support chat"}`, "bad_request", "does not support chat"},
		{"no thinker", 400, `{"error":"\"m\" does not support thinking"}`, "bad_request", ""},
		{"crash", 500, `{"error":"llama runner process has terminated: signal: killed"}`, "server", "terminated"},
		{"a proxy's key", 401, `{"error":"unauthorized"}`, "auth_dead", "unauthorized"},
		{"a proxy's page", 502, `<html>Bad Gateway</html>`, "server", "web page"},
		{"in the middle", 200, `{"message":{"content":"{"}}` + "\n" + `{"error":"an error was encountered while running the model"}` + "\n", "server", "while running"},
		{"overflow in the middle", 200, `{"error":"context limit hit: the input length exceeds the context length"}` + "\n", "context_overflow", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := generate(t.Context(), serve(t, ollama.Config{}, says(c.status, c.body)), &providers.Request{Model: "m"})
			if got := providers.ClassOf(err); got != c.class {
				t.Errorf("class %q, want %q: %v", got, c.class, err)
			}
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not say %q", err, c.says)
			}
		})
	}
}

// TestSilentTruncation covers releases before 0.12.6, which ignore truncate and
// shift, and the good answers that must not be taken for their doing.
func TestSilentTruncation(t *testing.T) {
	chinese := func(n int) string { return strings.Repeat("商机金额", n/4) }
	for _, c := range []struct {
		name   string
		prompt string
		read   int // prompt tokens that the server says it has read
		want   providers.Class
	}{
		{"a window filled to the brim", "short", 1000, "context_overflow"},
		{"messages dropped", chinese(2000), 200, "context_overflow"},
		{"a prompt that cannot fit is not even sent", chinese(4000), -1, "context_overflow"},
		{"fits", chinese(1200), 780, ""},
		{"nearly fills the window", chinese(1500), 990, ""},
		{"a tokenizer that is good at Chinese", chinese(2000), 700, ""},
		{"cached tokens left out of the count", chinese(1200), 3, ""},
		{"no count at all", chinese(2000), 0, ""},
		{"white space costs little", strings.Repeat(" \n", 9000) + "x", 30, ""},
		{"English", strings.Repeat("opportunity ", 150), 160, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			called := false
			p := serve(t, ollama.Config{NumCtx: 1000}, func(w http.ResponseWriter, _ *http.Request) {
				called = true
				_ = json.NewEncoder(w).Encode(map[string]any{
					"message": map[string]any{"content": "{}"}, "done": true, "done_reason": "stop", "prompt_eval_count": c.read,
				})
			})
			_, err := generate(t.Context(), p, &providers.Request{
				Model: "m", Messages: []providers.Message{{Role: providers.User, Content: c.prompt}},
			})
			if got := providers.ClassOf(err); got != c.want {
				t.Errorf("class %q, want %q: %v", got, c.want, err)
			}
			if called != (c.read >= 0) {
				t.Errorf("called: %t", called)
			}
		})
	}
}

func TestTimingsAndCounts(t *testing.T) {
	body := `{"message":{"content":"{}"},"done":true,"done_reason":"stop","load_duration":1500000000,"prompt_eval_count":26,` +
		`"prompt_eval_cached_count":6,"prompt_eval_duration":130000000,"eval_count":25,"eval_duration":4232000000}`
	resp, err := generate(t.Context(), serve(t, ollama.Config{}, says(200, body)), &providers.Request{Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	resp.FirstToken = 0 // not deterministic; the conformance test has it
	want := providers.Response{
		Text:  "{}",
		Usage: providers.Usage{Input: 26, Cached: 6, Output: 25},
		Load:  1500 * time.Millisecond, Prefill: 130 * time.Millisecond, Decode: 4232 * time.Millisecond,
	}
	if *resp != want {
		t.Errorf("got %+v, want %+v", *resp, want)
	}
}

// TestAnswerFiledUnderThinking is about releases that put an answer bound by a
// schema into the wrong field.
func TestAnswerFiledUnderThinking(t *testing.T) {
	for _, c := range []struct {
		name, thinking string
		want           providers.Class
	}{
		{"an answer", `{"a":1}`, ""},
		{"thoughts about one", `So {"a":1} it is.`, "bad_output"},
		{"an answer cut off", `{"a":`, "bad_output"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := serve(t, ollama.Config{}, func(w http.ResponseWriter, _ *http.Request) {
				d := providertest.Ollama()
				d.Piece(w, providers.Delta{Reasoning: c.thinking})
				d.End(w, providertest.FakeUsage, false)
			})
			resp, err := generate(t.Context(), p, &providers.Request{Model: "qwen3:8b", Schema: json.RawMessage(`{}`)})
			if got := providers.ClassOf(err); got != c.want {
				t.Fatalf("class %q, want %q: %v", got, c.want, err)
			}
			if err == nil && (resp.Text != c.thinking || resp.Reasoning != "") {
				t.Errorf("got %+v", resp)
			}
		})
	}
}

func TestModels(t *testing.T) {
	body := `{"models":[
		{"name":"qwen2.5:7b","details":{"family":"qwen2","families":["qwen2"],"parameter_size":"7.6B"}},
		{"name":"qwen2.5:0.5b","details":{"family":"qwen2","parameter_size":"494.03M"}},
		{"name":"mixtral:8x7b","details":{"family":"llama","parameter_size":"8x7B"}},
		{"name":"nomic:latest","details":{"family":"nomic-bert","parameter_size":"137M"}},
		{"name":"bge-m3:latest","details":{"family":"bert","parameter_size":"566.70M"}},
		{"name":"qwen3-embedding:0.6b","details":{"family":"qwen3","parameter_size":"595.78M"}},
		{"name":"odd:latest","details":{"family":"","families":null,"parameter_size":"unknown"}},
		{"name":"gpt-oss:120b-cloud","remote_model":"gpt-oss:120b","remote_host":"https://ollama.com:443","details":{}},
		{"name":"glm-5:cloud","details":{}}]}`
	got, err := serve(t, ollama.Config{}, says(200, body)).Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []providers.Model{
		{Name: "qwen2.5:7b", Family: "qwen2", Parameters: 7_600_000_000},
		{Name: "qwen2.5:0.5b", Family: "qwen2", Parameters: 494_030_000},
		{Name: "mixtral:8x7b", Family: "llama", Parameters: 56_000_000_000},
		{Name: "nomic:latest", Family: "nomic-bert", Parameters: 137_000_000, Embedding: true},
		{Name: "bge-m3:latest", Family: "bert", Parameters: 566_700_000, Embedding: true},
		{Name: "qwen3-embedding:0.6b", Family: "qwen3", Parameters: 595_780_000, Embedding: true},
		{Name: "odd:latest"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestCloudModelsAreRefused(t *testing.T) {
	p := serve(t, ollama.Config{}, func(http.ResponseWriter, *http.Request) { t.Error("data left the machine") })
	for _, model := range []string{"gpt-oss:120b-cloud", "glm-5:cloud"} {
		if _, err := generate(t.Context(), p, &providers.Request{Model: model}); providers.ClassOf(err) != providers.ClassBadRequest {
			t.Errorf("%s: %v", model, err)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := (ollama.Config{}).Validate(); err != nil {
		t.Errorf("the zero value: %v", err)
	}
	err := ollama.Config{BaseURL: "localhost:11434", NumCtx: -1, ThinkingTokens: -1}.Validate()
	for _, want := range []string{"base URL", "num_ctx", "thinking"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not mention %s", err, want)
		}
	}
}
