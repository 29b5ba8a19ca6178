package presets

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/openai"
	"github.com/topcentral/spillway/providers/providertest"
)

const own = `as_of: 2026-11-02
providers:
  - name: farm
    lane: local
    base_url: http://10.0.0.9:8000/v1
    aliases: {"qwen2.5:7b": Qwen/Qwen2.5-7B-Instruct}
    slots: 4
  - name: kimi
    preset: kimi
    base_url: cn
    limits: {concurrency: 50}
    quirks: {json_mode: json_schema}
  - name: gateway
    lane: cloud
    base_url: https://llm.example.com/v1
    key_env: GATEWAY_KEY
    model: big
    models:
      - {name: big, context: 32768, output_limit: 8192, price: {input: "1", cached: "0.5", output: "2"}}
  - name: second
    preset: ollama
    base_url: http://10.0.0.8:11434
  - {name: inner, preset: openai, base_url: "http://10.0.0.7/v1", lane: local, key_env: none}
`

func TestServersOfAUsersOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "providers.yaml")
	if err := os.WriteFile(path, []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := Load(path)
	if err != nil || len(all) != 5 {
		t.Fatalf("got %d, %v", len(all), err)
	}
	farm, kimi, gateway, second, inner := all[0], all[1], all[2], all[3], all[4]
	if farm.Lane != Local || farm.Slots != 4 || farm.KeyEnv != "" || farm.Quirks.JSONMode != openai.JSONSchema || !farm.Quirks.SchemaInPrompt {
		t.Errorf("farm: %+v", farm)
	}
	if kimi.BaseURL != "https://api.moonshot.cn/v1" || kimi.Lane != Cloud || kimi.KeyEnv != "KIMI_API_KEY" || kimi.Model != "kimi-k2.6" ||
		kimi.Limits.Concurrency != 50 || kimi.Limits.RequestsPerMinute != 3 || kimi.Quirks.JSONMode != openai.JSONSchema || kimi.Quirks.ExtraBody == nil {
		t.Errorf("kimi: %+v", kimi)
	}
	if m, ok := gateway.Lookup("big"); !ok || m.Price.Output != 2_000_000 || gateway.KeyEnv != "GATEWAY_KEY" || gateway.AsOf.Day() != 2 {
		t.Errorf("gateway: %+v", gateway)
	}
	if second.Dialect != Ollama || second.Lane != Local {
		t.Errorf("second: %+v", second)
	}
	if inner.Lane != Local || inner.KeyEnv != "" || inner.Quirks.MaxTokensField != openai.MaxCompletionTokens {
		t.Errorf("inner: %+v", inner)
	}
	if p, _ := Lookup("kimi"); p.Limits.Concurrency == 50 {
		t.Error("the preset itself was changed")
	}
}

func TestTheExampleFileIsSound(t *testing.T) {
	all, err := Load("../../examples/providers.yaml")
	if err != nil || len(all) != 4 {
		t.Fatalf("got %d servers, %v", len(all), err)
	}
	for i, lane := range []Lane{Local, Local, Cloud, Cloud} {
		if all[i].Lane != lane {
			t.Errorf("%s is on the lane %s, want %s", all[i].Name, all[i].Lane, lane)
		}
	}
}

func TestFaultsInAFileAreToldWithTheirLines(t *testing.T) {
	const head = "providers:\n  - name: farm\n    lane: local\n    base_url: http://x/v1\n"
	if _, err := load("f", []byte(head)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, yaml, says string }{
		{"unknown field", head + "    colour: red\n", "f:5: unknown field colour"},
		{"unknown field further in", head + "    quirks:\n      json: yes\n", "f:6: unknown field json"},
		{"unknown field beside the list", head + "presets: []\n", "f:5: unknown field presets"},
		{"twice", head + "  - name: farm\n    lane: local\n    base_url: http://y/v1\n", `f:5: name "farm" is already used on line 2`},
		{"no name", "providers:\n  - lane: local\n    base_url: http://x\n", "f:2: name: missing"},
		{"a name that is no word", strings.Replace(head, "farm", "my/farm", 1), `f:2: name "my/farm"`},
		{"a name that is taken", strings.Replace(head, "farm", "ollama", 1), "SPILLWAY_OLLAMA_URL"},
		{"URL", strings.Replace(head, "http://x/v1", "x:8000", 1), "f:2: base URL"},
		{"no lane", strings.Replace(head, "    lane: local\n", "", 1), `f:2: lane ""`},
		{"lane", strings.Replace(head, "lane: local", "lane: here", 1), `f:2: lane "here"`},
		{"no such preset", head + "    preset: kimmi\n", `f:2: preset "kimmi": want one of`},
		{"a cloud without a model", strings.Replace(head, "lane: local", "lane: cloud", 1), "f:2: model"},
		{"money", head + "    models: [{name: m, price: {input: cheap}}]\n", "not an amount"},
		{"type", head + "    slots: many\n", "f:5: cannot unmarshal"},
		{"date", "as_of: yesterday\n" + head, "f:1: as_of"},
		{"no list", "as_of: 2026-11-01\n", "f:1: providers: want a list"},
		{"not YAML", "providers: [\n", "f:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := load("f", []byte(c.yaml)); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
		})
	}
	_, err := load("f", []byte(head+"    key_env: sk-hush-hush\n"))
	if err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("a key in place of its variable's name: got %v", err)
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestALocalServersModelsGoByOtherNamesToo(t *testing.T) {
	p := Generic("farm", "http://x/v1", Local)
	p.Aliases = map[string]string{"qwen2.5:7b": "Qwen/Qwen2.5-7B", "absent": "gone"}
	fake := providertest.NewFake("farm", "Qwen/Qwen2.5-7B")
	named := p.named(fake)
	models, err := named.Models(t.Context())
	if err != nil || len(models) != 2 || models[1].Name != "qwen2.5:7b" {
		t.Errorf("models: got %v, %v", models, err)
	}
	for _, name := range []string{"qwen2.5:7b", "Qwen/Qwen2.5-7B"} {
		if _, err := named.Generate(t.Context(), &providers.Request{Model: name}, func(providers.Delta) {}); err != nil {
			t.Fatal(err)
		}
	}
	for _, req := range fake.Asked() {
		if req.Model != "Qwen/Qwen2.5-7B" {
			t.Errorf("the server was asked for %s", req.Model)
		}
	}
}
