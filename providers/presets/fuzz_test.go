package presets

import "testing"

func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		"- {name: farm, base_url: 'http://10.0.0.9:8000/v1'}", "servers:\n  farm: {preset: deepseek, key_env: none}", "providers: [{preset: kimi}]",
		"a: &a [*a]", "? {}", "- preset: {}", "\t", "- {name: ollama}", "as_of: 2026-01-01\npresets: [{}]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = load("providers.yaml", data)
		_, _ = parse(data)
		var r Rate
		_ = r.UnmarshalText(data)
	})
}
