package presets

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheEmbeddedListIsSound(t *testing.T) {
	all, err := parse(embedded)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
		if p.AsOf.IsZero() || p.Title == "" || (p.Lane == Cloud) != (p.KeyEnv != "" && strings.HasPrefix(p.BaseURL, "https://")) {
			t.Errorf("%s: %+v", p.Name, p)
		}
	}
	if want := []string{"coze", "dashscope", "deepseek", "kimi", "minimax", "minimax-native", "ollama", "openai"}; !slices.Equal(names, want) {
		t.Errorf("presets %q, want %q", names, want)
	}
	if slices.ContainsFunc(Clouds(), func(p Preset) bool { return p.Name == "ollama" }) {
		t.Error("ollama counts as a cloud")
	}
}

func TestBrokenListsAreRefused(t *testing.T) {
	const preset = `
  - name: a
    base_url: https://a
    model: m
    models: [{name: m, context: 1, output_limit: 1, price: {input: "1", cached: "1", output: "1"}}]`
	const head = "as_of: 2026-11-01\npresets:"
	if _, err := parse([]byte(head + preset)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, yaml, says string }{
		{"unknown field", head + preset + "\n    colour: red", "colour"},
		{"preset twice", head + preset + preset, `"a" is listed twice`},
		{"model twice", head + strings.Replace(preset, "[{name: m, ", "[{name: m, context: 1, output_limit: 1, price: {output: \"1\"}}, {name: m, ", 1), `"m" is listed twice`},
		{"no date", "presets:" + preset, "as_of"},
		{"default not listed", head + strings.Replace(preset, "model: m", "model: n", 1), `"n" is not listed`},
		{"alias to nothing", head + preset + "\n    aliases: {old: gone}", `alias "old"`},
		{"money", head + strings.Replace(preset, `input: "1"`, `input: "one"`, 1), "not an amount"},
		{"money too fine", head + strings.Replace(preset, `input: "1"`, `input: "0.0000001"`, 1), "not an amount"},
		{"no price", head + strings.Replace(preset, `output: "1"`, `output: "0"`, 1), "price"},
		{"quirk", head + preset + "\n    quirks: {json_mode: xml}", "xml"},
		{"path", head + preset + "\n    quirks: {chat_path: chat}", "chat_path"},
		{"dialect", head + preset + "\n    dialect: latin", "latin"},
		{"lane", head + preset + "\n    lane: fast", "fast"},
		{"slots", head + preset + "\n    slots: -1", "slots"},
		{"not YAML", "{", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := parse([]byte(c.yaml)); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	p, ok := Lookup("deepseek")
	if !ok {
		t.Fatal("no deepseek")
	}
	for name, want := range map[string]string{
		"": "deepseek-flash", "deepseek-chat": "deepseek-flash", "deepseek-v4-pro": "deepseek-v4-pro", "deepseek-v9": "deepseek-v9",
	} {
		if got := p.Resolve(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	if _, ok := Lookup("nobody"); ok {
		t.Error("nobody was found")
	}
}

// TestWhatEachServiceIsSent pins the quirks that cost an answer when forgotten.
func TestWhatEachServiceIsSent(t *testing.T) {
	for _, c := range []struct {
		preset, model string
		fields        map[string]string // JSON; "" for a field that must be missing
	}{
		{"deepseek", "", map[string]string{
			"model": `"deepseek-flash"`, "thinking": `{"type":"disabled"}`, "response_format": `{"type":"json_object"}`,
			"temperature": "0", "max_tokens": "500",
		}},
		{"kimi", "", map[string]string{
			"model": `"kimi-k2.6"`, "thinking": `{"type":"disabled"}`, "temperature": "", "max_tokens": "500",
		}},
		{"kimi", "kimi-k3.1-pro", map[string]string{"thinking": "", "temperature": "", "max_tokens": "16884"}},
		{"minimax", "", map[string]string{
			"model": `"MiniMax-M3"`, "reasoning_split": "true", "response_format": "", "temperature": "0.01",
			"max_tokens": "", "max_completion_tokens": "8692",
		}},
		{"kimi", "moonshot-v1-8k", map[string]string{"model": `"kimi-k2.6"`}},
		{"minimax-native", "MiniMax-M2.5", map[string]string{
			"model": `"MiniMax-M2.7"`, "reasoning_split": "true", "max_completion_tokens": "8692",
		}},
		{"dashscope", "", map[string]string{
			"model": `"qwen3.8-flash"`, "enable_thinking": "false", "reasoning_effort": "", "temperature": "0", "max_tokens": "500",
			"response_format": `{"type":"json_object"}`,
		}},
		{"dashscope", "qwen3.8-max", map[string]string{
			"enable_thinking": "false", "max_tokens": "500",
			"response_format": `{"json_schema":{"name":"judgement","schema":{"type":"object","properties":{"a":{"type":"integer"}}}},"type":"json_schema"}`,
		}},
		{"openai", "gpt-5.6-luna", map[string]string{"temperature": "", "max_tokens": "", "max_completion_tokens": "8692"}},
		{"openai", "", map[string]string{
			"model": `"gpt-6-luna"`, "temperature": "", "max_tokens": "", "max_completion_tokens": "8692",
			"response_format": `{"json_schema":{"name":"judgement","schema":{"type":"object","properties":{"a":{"type":"integer"}}}},"type":"json_schema"}`,
		}},
	} {
		t.Run(c.preset+"/"+c.model, func(t *testing.T) {
			path, body := sent(t, c.preset, c.model)
			if want := map[string]string{"minimax-native": "/text/chatcompletion_v2"}[c.preset]; path != cmp.Or(want, "/chat/completions") {
				t.Errorf("sent to %s", path)
			}
			for field, want := range c.fields {
				if got := string(body[field]); got != want {
					t.Errorf("%s is %s, want %s", field, got, want)
				}
			}
			bySchema := strings.Contains(string(body["response_format"]), "json_schema")
			if !bySchema && !strings.Contains(string(body["messages"]), "JSON Schema") {
				t.Errorf("the schema is not in the prompt: %s", body["messages"])
			}
		})
	}
}

// sent returns the path and the body of the request that a preset makes for a
// Question.
func sent(t *testing.T, preset, model string) (path string, body map[string]json.RawMessage) {
	t.Helper()
	dialect := providertest.OpenAI()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.Path
		raw, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(raw, &body); err != nil {
			t.Error(err)
		}
		dialect.Begin(w)
		dialect.Piece(w, providers.Delta{Text: "{}"})
		dialect.End(w, providertest.FakeUsage, false)
	}))
	defer s.Close()
	p, _ := Lookup(preset)
	provider, err := p.New(providers.NewSecret("k"), s.Client(), Overrides{BaseURL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	if provider.Name() != preset {
		t.Errorf("name %q", provider.Name())
	}
	req := providertest.Question()
	req.Model = model
	if _, err := provider.Generate(t.Context(), req, func(providers.Delta) {}); err != nil {
		t.Fatal(err)
	}
	return path, body
}

func TestHostsByTheirShortNames(t *testing.T) {
	p, _ := Lookup("kimi")
	for name, want := range map[string]string{
		"": "https://api.moonshot.ai/v1", "cn": "https://api.moonshot.cn/v1", "http://proxy/v1": "http://proxy/v1",
	} {
		if got := p.Host(name); got != want {
			t.Errorf("%q is %s, want %s", name, got, want)
		}
	}
}

func TestACozeBotMustBeNamed(t *testing.T) {
	p, _ := Lookup("coze")
	if _, err := p.New(providers.Secret{}, http.DefaultClient, Overrides{}); err == nil || !strings.Contains(err.Error(), "bot") {
		t.Errorf("without a bot: got %v", err)
	}
	bot, err := p.New(providers.NewSecret("k"), http.DefaultClient, Overrides{Model: "7300"})
	if err != nil {
		t.Fatal(err)
	}
	if models, err := bot.Models(t.Context()); err != nil || models[0].Name != "7300" || bot.Name() != "coze" {
		t.Errorf("got %v, %v, %s", models, err, bot.Name())
	}
}

func TestNewRefusesABadBaseURL(t *testing.T) {
	p, _ := Lookup("openai")
	if _, err := p.New(providers.Secret{}, http.DefaultClient, Overrides{BaseURL: "localhost:8000"}); err == nil {
		t.Error("accepted")
	}
}
