package config

import (
	"strings"
	"testing"
)

func TestKeysWithALineBreak(t *testing.T) {
	t.Setenv("KIMI_API_KEY", "sk-abc\n")
	cfg, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Clouds) != 1 || cfg.Clouds[0].Key.Reveal() != "sk-abc" {
		t.Errorf("got %d clouds, want one whose key has no line break", len(cfg.Clouds))
	}
	for _, bad := range []string{"sk-abc\nsk-def", "sk-a b", "sk-\u200babc", "“sk-abc”"} {
		t.Setenv("KIMI_API_KEY", bad)
		if _, err := Read(); err == nil || !strings.Contains(err.Error(), "KIMI_API_KEY: got a key with a character") || strings.Contains(err.Error(), "abc") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

// The collector is left alone where the environment says how it is to work.
func TestTheEnvironmentTunesTheCollector(t *testing.T) {
	for _, test := range []struct {
		gogc, limit string
		want        bool
	}{{"", "", false}, {"100", "", true}, {"", "1GiB", true}} {
		t.Setenv("GOGC", test.gogc)
		t.Setenv("GOMEMLIMIT", test.limit)
		cfg, err := Read()
		if err != nil || cfg.TunesGC != test.want {
			t.Errorf("GOGC=%q GOMEMLIMIT=%q: got %t, %v, want %t", test.gogc, test.limit, cfg.TunesGC, err, test.want)
		}
	}
}
