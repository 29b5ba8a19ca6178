package cli

import (
	"regexp"
	"strings"
	"testing"
)

func TestConfigShowsTheValuesInForceButNoSecret(t *testing.T) {
	for name, value := range map[string]string{
		"SPILLWAY_LOCAL_SLOTS":    "3",
		"SPILLWAY_LOG_FORMAT":     "text",
		"SPILLWAY_REDIS_URL":      "redis+sentinel://me:hush@a:1,b:2/main/0?sentinel_password=hush&x=1",
		"SPILLWAY_WEBHOOK_SECRET": "whsec_" + strings.Repeat("aHVz", 8),
		"DEEPSEEK_API_KEY":        "hush",
		"SPILLWAY_URL":            "http://me:hush@there",
	} {
		t.Setenv(name, value)
	}
	out, errs, code := command(t, "config")
	if code != exitOK || errs != "" {
		t.Fatalf("got %d, %s", code, errs)
	}
	for _, want := range []string{
		`SPILLWAY_LOCAL_SLOTS +3 +1 +concurrent jobs`,
		`SPILLWAY_CLOUD_SLOTS +8 +cloud jobs at once`,
		`SPILLWAY_LOG_FORMAT +text +text or json`,
		`SPILLWAY_REDIS_URL +redis\+sentinel://\*\*\*@a:1,b:2/main/0\?sentinel_password=\*\*\*&x=1 +redis://127.0.0.1:6379/0 `,
		`SPILLWAY_WEBHOOK_SECRET +\*\*\* +\(none\) `,
		`DEEPSEEK_API_KEY +\*\*\* +\(none\) `,
		`SPILLWAY_URL +http://\*\*\*@there +http://127.0.0.1:8080 `,
	} {
		if !regexp.MustCompile(`(?m)^` + want).MatchString(out) {
			t.Errorf("no line like %s in\n%s", want, out)
		}
	}
	if strings.Contains(out, "hush") || strings.Contains(out, "aHVz") {
		t.Errorf("a secret is shown:\n%s", out)
	}
}

func TestConfigWithAWrongSettingFails(t *testing.T) {
	t.Setenv("SPILLWAY_LOCAL_SLOTS", "0")
	if out, errs, code := command(t, "config"); code != exitError || out != "" || !strings.Contains(errs, "SPILLWAY_LOCAL_SLOTS: got 0") {
		t.Errorf("got %d, %q, %q", code, out, errs)
	}
}
