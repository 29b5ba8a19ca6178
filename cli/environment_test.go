package cli

import (
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestWhiteSpaceAroundASettingIsNotPartOfIt(t *testing.T) {
	for name, value := range map[string]string{
		"SPILLWAY_LOCAL_SLOTS": " 3\r\n",
		"SPILLWAY_CLOUD_SLOTS": "",
		"SPILLWAY_LOG_FORMAT":  " ",
		"SPILLWAY_AUTH":        "\n",
		"SPILLWAY_BUDGETS":     "",
	} {
		t.Setenv(name, value)
	}
	out, errs, code := command(t, "config")
	if code != exitOK || errs != "" {
		t.Fatalf("exit %d, %s", code, errs)
	}
	if got := strings.Fields(find(out, `SPILLWAY_LOCAL_SLOTS .*`)); len(got) < 2 || got[1] != "3" {
		t.Errorf("got %q", got)
	}
}

func TestKeysWithALineBreak(t *testing.T) {
	t.Setenv("KIMI_API_KEY", "sk-abc\n")
	cfg, err := readConfig()
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Clouds) != 1 || cfg.Clouds[0].key.Reveal() != "sk-abc" {
		t.Errorf("got %d clouds, want one whose key has no line break", len(cfg.Clouds))
	}
	for _, bad := range []string{"sk-abc\nsk-def", "sk-a b", "sk-\u200babc", "“sk-abc”"} {
		t.Setenv("KIMI_API_KEY", bad)
		if _, err := readConfig(); err == nil || !strings.Contains(err.Error(), "KIMI_API_KEY: got a key with a character") || strings.Contains(err.Error(), "abc") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestAMisspeltSettingIsNamed(t *testing.T) {
	for name, value := range map[string]string{
		"SPILLWAY_PRIVACY_MINIMUN":           "local_only",
		"SPILLWAY_COLOUR":                    "blue",
		"SPILLWAY_PORT":                      "tcp://10.0.0.1:8080", // as Kubernetes does
		"SPILLWAY_API_PORT_8080_TCP_ADDR":    "10.0.0.1",
		"SPILLWAY_API_SERVICE_HOST":          "10.0.0.1",
		"SPILLWAY_API_SERVICE_PORT_HTTP_API": "8080",
	} {
		t.Setenv(name, value)
	}
	_, errs, code := command(t, "config")
	want := `spillway: warning: SPILLWAY_COLOUR is not a setting and has no effect; "spillway config" lists the settings
spillway: warning: SPILLWAY_PRIVACY_MINIMUN is not a setting and has no effect; did you mean SPILLWAY_PRIVACY_MINIMUM?
`
	if code != exitOK || errs != want {
		t.Errorf("exit %d, got\n%s, want\n%s", code, errs, want)
	}
}

// Every setting reaches every container that runs Spillway, from the shell and
// from .env alike: its value is either passed through or only a default.
func TestComposePassesEverySetting(t *testing.T) {
	text, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Image       string
			Environment map[string]*string
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	all, err := settingsInForce()
	if err != nil {
		t.Fatal(err)
	}
	serving := 0
	for name, service := range file.Services {
		if service.Image != "spillway" {
			continue
		}
		serving++
		for _, s := range all {
			value, ok := service.Environment[s.name]
			switch {
			case s.name == serverEnv || s.name == keyEnv: // of the client commands
			case !ok:
				t.Errorf("service %s: %s does not reach it: name it in x-settings", name, s.name)
			case value != nil && !strings.HasPrefix(*value, "${"+s.name+":-"):
				t.Errorf("service %s: %s is fixed to %q", name, s.name, *value)
			}
		}
		if len(service.Environment) != len(all)-2 {
			t.Errorf("service %s: got %d variables, want %d", name, len(service.Environment), len(all)-2)
		}
	}
	if serving != 3 {
		t.Errorf("got %d services, want api and two workers", serving)
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
		cfg, err := readConfig()
		if err != nil || cfg.TunesGC != test.want {
			t.Errorf("GOGC=%q GOMEMLIMIT=%q: got %t, %v, want %t", test.gogc, test.limit, cfg.TunesGC, err, test.want)
		}
	}
}
