package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/topcentral/spillway/tasks"
)

// provided writes a providers file and names it in the settings.
func provided(t *testing.T, yaml string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "providers.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SPILLWAY_PROVIDERS_FILE", path)
}

func providerNames(keys []Service) []string {
	var all []string
	for _, k := range keys {
		all = append(all, k.Preset.Name)
	}
	return all
}

func TestServicesComeFromKeysAFileAndASetting(t *testing.T) {
	t.Setenv("SPILLWAY_OPENAI_COMPATIBLE", "farm=http://10.0.0.9:8000/v1, lmstudio=http://127.0.0.1:1234/v1")
	t.Setenv("SPILLWAY_CLOUD_ORDER", "extreme=gateway, kimi ;low=unset")
	t.Setenv("DEEPSEEK_API_KEY", "k1")
	t.Setenv("KIMI_API_KEY", "k2")
	t.Setenv("GATEWAY_KEY", "k3")
	provided(t, `providers:
  - {name: gpu, lane: local, base_url: "http://10.0.0.5:8000/v1", slots: 4}
  - {name: gateway, lane: cloud, base_url: "https://llm.example.com/v1", key_env: GATEWAY_KEY, model: big, models: [{name: big, context: 4096}]}
  - {name: kimi, preset: kimi, base_url: cn}
  - {name: unset, preset: openai, key_env: UNSET_KEY}
`)
	c, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := providerNames(c.Clouds), []string{"deepseek", "gateway", "kimi"}; !slices.Equal(got, want) {
		t.Errorf("clouds: got %v, want %v", got, want)
	}
	if got, want := providerNames(c.Servers), []string{"farm", "lmstudio", "gpu"}; !slices.Equal(got, want) {
		t.Errorf("servers: got %v, want %v", got, want)
	}
	if kimi := c.Clouds[2]; kimi.Preset.BaseURL != "https://api.moonshot.cn/v1" || kimi.Key.Reveal() != "k2" {
		t.Errorf("kimi is not the file's: %+v", kimi)
	}
	bounds := c.Bounds()
	for candidate, want := range map[[2]string][2]int{
		{"ollama", "any"}: {8192, 0}, {"ollama", "deepseek-r1:32b"}: {8192, 4096}, {"deepseek", "deepseek-chat"}: {1_000_000, 0},
		{"gateway", "big"}: {4096, 0}, {"gateway", "small"}: {0, 0}, {"nobody", ""}: {0, 0},
	} {
		if context, thinking := bounds(candidate[0], candidate[1]); context != want[0] || thinking != want[1] {
			t.Errorf("bounds of %v: got %d and %d for thinking, want %v", candidate, context, thinking, want)
		}
	}
	if got, want := c.CloudOrder[tasks.Extreme], []string{"gateway", "kimi"}; !slices.Equal(got, want) {
		t.Errorf("order: got %v, want %v", got, want)
	}
}

func TestServicesAtFault(t *testing.T) {
	const entry = `  - {name: farm, lane: local, base_url: "http://x/v1"}`
	for _, test := range []struct{ name, setting, value, yaml, says string }{
		{"a file's fault with its line", "SPILLWAY_CLOUD_ORDER", "", "providers:\n  - {name: farm, colour: red}", "providers.yaml:2: unknown field colour"},
		{"a name in the file and in the setting", "SPILLWAY_OPENAI_COMPATIBLE", "farm=http://y/v1", "providers:\n" + entry, "two providers are named farm"},
		{"the name of a provider that needs no setting", "SPILLWAY_OPENAI_COMPATIBLE", "ollama=http://y/v1", "", "SPILLWAY_OLLAMA_URL"},
		{"a server twice", "SPILLWAY_OPENAI_COMPATIBLE", "a=http://y/v1,a=http://z/v1", "", "two providers are named a"},
		{"an order of strangers", "SPILLWAY_CLOUD_ORDER", "low=depseek", "", `low: there is no cloud provider "depseek"`},
		{"an order with a name twice", "SPILLWAY_CLOUD_ORDER", "low=kimi,kimi", "", "each once"},
		{"an order without names", "SPILLWAY_CLOUD_ORDER", "low=", "", "each once"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(test.setting, test.value)
			if test.yaml != "" {
				provided(t, test.yaml)
			}
			if _, err := Read(); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want it said that %s", err, test.says)
			}
		})
	}
}
