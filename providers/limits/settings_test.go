package limits_test

import (
	"strings"
	"testing"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/limits"
)

func TestSettingsReplaceWhatIsKnown(t *testing.T) {
	var s limits.Settings
	if err := s.UnmarshalText([]byte("kimi:rpm=60, concurrency=4; ollama/qwen2.5:7b:tpm=1000;deepseek:concurrency=0;deepseek/v4:concurrency=9")); err != nil {
		t.Fatal(err)
	}
	known := providers.Limits{Concurrency: 1, RequestsPerMinute: 3, TokensPerMinute: 500}
	for _, c := range []struct {
		provider, model string
		own             bool
		want            providers.Limits
		wantOwn         bool
	}{
		{"kimi", "k2", false, providers.Limits{Concurrency: 4, RequestsPerMinute: 60, TokensPerMinute: 500}, false},
		{"minimax", "m3", true, known, true},
		{"ollama", "qwen2.5:7b", false, providers.Limits{Concurrency: 1, RequestsPerMinute: 3, TokensPerMinute: 1000}, true},
		{"deepseek", "flash", true, providers.Limits{RequestsPerMinute: 3, TokensPerMinute: 500}, true},
		{"deepseek", "v4", false, providers.Limits{Concurrency: 9, RequestsPerMinute: 3, TokensPerMinute: 500}, true},
	} {
		got, own := s.Apply(c.provider, c.model, known, c.own)
		if got != c.want || own != c.wantOwn {
			t.Errorf("%s/%s: %+v, own %t", c.provider, c.model, got, own)
		}
	}
}

func TestNoSettingsReplaceNothing(t *testing.T) {
	var s limits.Settings
	known := providers.Limits{Concurrency: 1}
	if got, own := s.Apply("kimi", "k2", known, false); got != known || own || len(s.Names()) != 0 {
		t.Errorf("%+v, own %t, names %v", got, own, s.Names())
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	for text, says := range map[string][]string{
		"kimi":                     {`"kimi"`, "rpm=60"},
		"kimi:qps=1":               {"kimi", `"qps"`},
		"kimi:rpm=many":            {"kimi", "rpm", `"many"`},
		"kimi:rpm=-1":              {"whole number"},
		"kimi:rpm=1;kimi:tpm=1":    {"twice"},
		"a:rpm=x;b:tpm=y;c:rpm=10": {"a:", `"x"`, "b:", `"y"`},
	} {
		var s limits.Settings
		err := s.UnmarshalText([]byte(text))
		for _, want := range says {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %s", text, err, want)
			}
		}
	}
}
